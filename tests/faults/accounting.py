"""The account of a flood: what became of each accepted message, event or dead letter. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from devices.reports import AlarmBase
from devices.topics import may_publish
from ingest.records import Arrival, DeadLetter
from tests.support.faults_corpus import lat_of


class Sent(NamedTuple):
    """One message that was accepted: who published what where, and the number in it."""

    number: int
    device: str
    topic: str
    payload: bytes

    @property
    def as_letter(self) -> tuple[str, str, bytes]:
        """What a dead letter of it says."""
        return self.device, self.topic, self.payload


class Found:
    """What Vigil has of a flood; `zero_ms` is the time that stood for number 0."""

    def __init__(
        self,
        telemetry: Iterable[Arrival],
        urgent: Iterable[Arrival],
        letters: Iterable[DeadLetter],
        zero_ms: int,
    ) -> None:
        self._numbers: dict[str, set[int]] = defaultdict(set)
        for arrival in telemetry:
            self._numbers[arrival.device] |= _numbers(arrival, zero_ms)
        self.alarms = Counter(one.device for one in urgent if isinstance(one.report, AlarmBase))
        self.letters = _messages(letters)

    def has_event(self, sent: Sent) -> bool:
        """Tell whether an event of its device still has its number."""
        return sent.number in self._numbers[sent.device]


def unaccounted(accepted: Sequence[Sent], found: Found) -> list[str]:
    """Return each accepted message that is neither an event nor a dead letter, and whatever is too much.

    A message is kept as a letter as often as it was sent, or as an event; an alarm always as an event.
    """
    faults = []
    expected = Counter(one.as_letter for one in accepted)
    for one in accepted:
        kept = found.letters[one.as_letter]
        is_event = may_publish(one.device, one.topic) and found.has_event(one)
        if kept != expected[one.as_letter] and (kept or not is_event):
            faults.append(f"{kept} letters for {expected[one.as_letter]} of {_shown(one)}")
    for device, topic, payload in found.letters.keys() - expected.keys():
        faults.append(f"a letter for nothing: {device} {topic} {payload[:80]!r}")
    alarms = Counter(one.device for one in accepted if one.topic == f"vigil/v1/{one.device}/alarm")
    faults += [
        f"{found.alarms[device]} alarms logged of {alarms[device]} of {device}"
        for device in alarms.keys() | found.alarms.keys()
        if found.alarms[device] != alarms[device]
    ]
    return faults


def _numbers(arrival: Arrival, zero_ms: int) -> set[int]:
    """Return what may be the message's number in an event: if one field was spoilt, others tell."""
    report = arrival.report
    numbers = {report.time_ms - zero_ms}
    if report.seq is not None:
        numbers.add(report.seq)
    position = getattr(report, "position", None)
    if position is not None:
        numbers.add(round((position.lat - lat_of(0)) * 1e7))
    return numbers


def _messages(letters: Iterable[DeadLetter]) -> Counter[tuple[str | None, str, bytes]]:
    """Count letters by message: one with several bad fields has a letter for each of them."""
    by_fault = Counter(
        (letter.device, letter.topic, letter.payload, letter.field, letter.explanation)
        for letter in letters
        if "its payload is in" not in letter.explanation
    )
    messages: Counter[tuple[str | None, str, bytes]] = Counter()
    for (device, topic, payload, _, _), count in by_fault.items():
        messages[device, topic, payload] = max(messages[device, topic, payload], count)
    return messages


def _shown(one: Sent) -> str:
    return f"{one.topic} {one.payload[:200]!r} ({len(one.payload)} bytes, number {one.number})"
