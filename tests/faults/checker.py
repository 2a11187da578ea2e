"""The checker of kill rounds: what devices were told, held against what Vigil has. Pure.

`faults` is empty only if nothing that was acknowledged is lost, and each alarm has its one alert.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["fix", "alarm", "event", "status"]

LANES_OF: Mapping[Kind, tuple[str, ...]] = {
    "fix": ("telemetry",),
    "status": ("telemetry",),
    "alarm": ("alarms", "telemetry"),
    "event": ("alarms", "telemetry"),
}


class Message(NamedTuple):
    """Something that a device published; `name` is its `seq`, of an alarm its id."""

    device: str
    kind: Kind
    name: str


class Press(NamedTuple):
    """An alarm as its device knows it."""

    device: str
    alarm: str


class Receipt(NamedTuple):
    """An `alarm_received` as it came down."""

    press: Press
    alert: str


class Alert(NamedTuple):
    """An alert: the press that raised it, and those that were noted on it as `pressed_again`.

    `waits`: nobody has taken it up. `calls`: how often the same person was called because of it.
    """

    id: str
    raised_by: Press
    pressed_again: tuple[Press, ...] = ()
    waits: bool = False
    calls: int = 1


@dataclass
class Told:
    """What the devices know: what was acknowledged to them, what they pressed, what they heard."""

    confirmed: set[Message] = field(default_factory=set)
    pressed: set[Press] = field(default_factory=set)
    receipts: set[Receipt] = field(default_factory=set)


@dataclass
class Kept:
    """What Vigil has: the messages in each lane of its log, and its alerts."""

    logged: dict[str, set[Message]] = field(default_factory=lambda: defaultdict(set))
    alerts: list[Alert] = field(default_factory=list)


Wrong = Literal[
    "lost",
    "no_alert",
    "two_alerts",
    "not_received",
    "unknown_alert",
    "wrong_alert",
    "not_pressed",
    "not_called",
    "called_again",
]


class Fault(NamedTuple):
    """One thing that does not hold, and for whom."""

    wrong: Wrong
    what: str


def faults(told: Told, kept: Kept) -> list[Fault]:
    """Return everything that does not hold, once devices have nothing under way any more."""
    return [
        *lost(told, kept),
        *_alert_faults(told, kept),
        *_receipt_faults(told, kept),
        *_call_faults(kept),
    ]


def lost(told: Told, kept: Kept) -> list[Fault]:
    """Return what was acknowledged and is not in each lane where it belongs."""
    return [
        Fault("lost", f"{message} is not in {lane}")
        for message in sorted(told.confirmed)
        for lane in LANES_OF[message.kind]
        if message not in kept.logged.get(lane, ())
    ]


def _alert_faults(told: Told, kept: Kept) -> Iterable[Fault]:
    carried = _carried(kept)
    for press in sorted(told.pressed):
        alerts = carried.get(press, [])
        if not alerts:
            yield Fault("no_alert", f"{press}")
        if len(alerts) > 1:
            yield Fault("two_alerts", f"{press}: {alerts}")
    for press in sorted(carried.keys() - told.pressed):
        yield Fault("not_pressed", f"{press}: {carried[press]}")


def _receipt_faults(told: Told, kept: Kept) -> Iterable[Fault]:
    known = {alert.id for alert in kept.alerts}
    carried = _carried(kept)
    for receipt in sorted(told.receipts):
        if receipt.alert not in known:
            yield Fault("unknown_alert", f"{receipt}")
        elif receipt.alert not in carried.get(receipt.press, ()):
            yield Fault("wrong_alert", f"{receipt}: it is on {carried.get(receipt.press)}")
    received = {receipt.press for receipt in told.receipts}
    for press in sorted(told.pressed - received):
        yield Fault("not_received", f"{press}")


def _call_faults(kept: Kept) -> Iterable[Fault]:
    """Each press calls people once; the same press must not call them anew after a restart."""
    for alert in sorted(kept.alerts):
        if alert.waits and not alert.calls:
            yield Fault("not_called", f"{alert}")
        if alert.calls > 1 + len(alert.pressed_again):
            yield Fault("called_again", f"{alert}")


def _carried(kept: Kept) -> dict[Press, list[str]]:
    """Return the alerts of each press; one alert stands there twice if it notes the press twice."""
    carried: dict[Press, list[str]] = defaultdict(list)
    for alert in kept.alerts:
        for press in (alert.raised_by, *alert.pressed_again):
            carried[press].append(alert.id)
    return carried
