"""Gaps: reports lost on the way, told by jumps of a device's own counter, and asked for once.

The counter grows by one with each message and starts again after a reset. Reports come out of order, so what
is missing is asked for only after a while, and a device that never answers is left alone.
"""

import msgspec

from devices import reports
from devices.identity import derived_id
from ingest.records import Arrival
from safety.rules.device import DeviceState, Gap
from safety.rules.effects import TellDevice
from safety.rules.phases import Phase

GRACE_MS = 30_000
"""So long what is missing may still be on its way."""

MAX_ASKED = 1_000
"""So many reports are asked for at once, the newest ones: as many as a list may hold."""

MAX_JUMP = 100_000
"""A counter that jumps by more counts something else now."""

MAX_GAPS = 8
"""So many gaps of one device are remembered; then the oldest is forgotten."""

MAX_ASKS = 5
"""So many requests may go without an answer, then the device is asked no more."""

FORGIVE_MS = 24 * 3_600_000
"""So long after the last request it is asked again all the same."""

RESEND_TTL_S = 3600.0

_COUNTED = frozenset({"phone", "recorder"})
"""A button says little and keeps nothing."""


def step(state: DeviceState, arrival: Arrival) -> bool:
    """Take in a number that does not follow the last one; tell whether something is missing since."""
    report = arrival.report
    seq = report.seq
    if seq is None:
        return False
    if state.seq < 0:
        _count_from(state, seq, report.time_ms)
        return False
    if seq > state.seq:
        if seq - state.seq > 1 and report.time_ms < state.seq_ms:
            return False  # said before a reset, and kept until now
        opened = _open(state, state.seq + 1, seq - 1, arrival.received_ms)
        state.seq, state.seq_ms = seq, report.time_ms
        return opened
    if not _fill(state, seq) and _is_reset(state, report):
        _count_from(state, seq, report.time_ms)
    return False


def on_tick(state: DeviceState, device: str, phase: Phase, now_ms: int) -> list[TellDevice]:
    """Let time pass during `phase`: ask for what is missing since it began, once."""
    asked: list[TellDevice] = []
    kept: list[Gap] = []
    for gap in state.gaps:
        if gap.asked or now_ms < gap.since_ms + GRACE_MS:
            kept.append(gap)
        elif gap.since_ms >= phase.since_ms and _may_ask(state, now_ms):
            state.asks += 1
            state.asked_ms = now_ms
            kept.append(msgspec.structs.replace(gap, asked=True))
            asked.append(_ask(device, gap, now_ms))
    state.gaps = kept
    return asked


def wake_ms(state: DeviceState, phase: Phase) -> int | None:
    """Return when something is asked for during `phase`; None if nothing is."""
    due = [
        gap.since_ms + GRACE_MS
        for gap in state.gaps
        if not gap.asked and gap.since_ms >= phase.since_ms and gap.since_ms + GRACE_MS <= phase.until_ms
    ]
    return min(due, default=None)


def _count_from(state: DeviceState, seq: int, time_ms: int) -> None:
    state.seq, state.seq_ms = seq, time_ms
    state.gaps = []
    state.asks = 0


def _is_reset(state: DeviceState, report: reports.Report) -> bool:
    """Tell whether a smaller number is that of a counter that has started again.

    A repeated alarm and a retained status bear an old number, and without a time of their own a new one.
    """
    if isinstance(report, reports.AlarmBase | reports.StatusReported) or report.seq is None:
        return False
    return report.seq < state.seq and report.time_ms > state.seq_ms


def _open(state: DeviceState, first: int, last: int, since_ms: int) -> bool:
    """Note what is missing, if it may be asked for; tell whether it was."""
    if last < first or state.kind not in _COUNTED or not _may_ask(state, since_ms):
        return False
    if last - first >= MAX_JUMP:
        state.gaps = []
        return False
    state.gaps = [*state.gaps, Gap(first, last, since_ms)][-MAX_GAPS:]
    return True


def _may_ask(state: DeviceState, now_ms: int) -> bool:
    if state.asks >= MAX_ASKS and now_ms - state.asked_ms >= FORGIVE_MS:
        state.asks = 0
    return state.asks < MAX_ASKS


def _fill(state: DeviceState, seq: int) -> bool:
    """Take a number out of what is missing; tell whether it was."""
    for place, gap in enumerate(state.gaps):
        if gap.first <= seq <= gap.last:
            left = [
                msgspec.structs.replace(gap, first=first, last=last)
                for first, last in ((gap.first, seq - 1), (seq + 1, gap.last))
                if first <= last
            ]
            state.gaps = [*state.gaps[:place], *left, *state.gaps[place + 1 :]][-MAX_GAPS:]
            if gap.asked:
                state.asks = 0
            return True
    return False


def _ask(device: str, gap: Gap, now_ms: int) -> TellDevice:
    first = max(gap.first, gap.last - MAX_ASKED + 1)
    return TellDevice(
        id=derived_id("resend", device, f"{first}-{gap.last}", str(gap.since_ms)),
        device=device,
        kind="resend",
        at_ms=now_ms,
        ttl_s=RESEND_TTL_S,
        details={"first_seq": first, "last_seq": gap.last},
    )
