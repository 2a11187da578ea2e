"""Draft: what is to be appended for the messages that are admitted together."""

from collections import Counter
from collections.abc import Sequence

from devices.registry.port import Device
from devices.reports import Report
from ingest.dead_letters import Refusal, letters
from ingest.log.port import NewEntry
from ingest.recent import Mark, RecentReports
from ingest.records import Arrival, DeadLetter, encode


class Draft:
    """Entries for each topic of the log, in the order of the messages, all received at `received_ms`.

    `messages` counts them by channel, `duplicates` what is left out as logged before; `marks` are for
    `recent` to remember once the reports are logged.
    """

    def __init__(self, received_ms: int, recent: RecentReports) -> None:
        self.received_ms = received_ms
        self.alarms: list[NewEntry] = []
        self.telemetry: list[NewEntry] = []
        self.dead: list[DeadLetter] = []
        self.marks: list[Mark] = []
        self.messages: Counter[str] = Counter()
        self.duplicates = 0
        self._recent = recent

    def report(self, device: Device, reports: Sequence[Report]) -> None:
        """Have `reports` of `device` logged, each on its lanes.

        A repeated alarm is logged again: the device repeats it because it wants its answer again.
        """
        for report in reports:
            if not report.urgent:
                mark = self._recent.mark(device.id, report)
                if mark is None:
                    self.duplicates += 1
                    continue
                self.marks.append(mark)
            arrival = Arrival(device.id, device.nurse, device.org, self.received_ms, report)
            entry = NewEntry(device.key, encode(arrival))
            if report.urgent:
                self.alarms.append(entry)
            self.telemetry.append(entry)

    def bury(self, topic: str, device: str | None, payload: bytes, refusals: Sequence[Refusal]) -> None:
        """Have a message, or what of it is refused, kept as dead letters."""
        if refusals:
            self.dead += letters(topic, device, self.received_ms, payload, refusals)
