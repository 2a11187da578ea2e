"""PlaceWatch: which positions and devices the live feed's clients have not heard of yet."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from safety.api import frames
from safety.api.clients import Audience
from safety.store.feed import Marks, changed_devices, changed_positions, current_marks
from safety.store.queries import Rows

# That a device was heard again is news only so often; its position says the same.
_HEARD_AGAIN_MS = 60_000


class PlaceChanges(NamedTuple):
    """What was written since the marks before, and the marks up to which that is."""

    marks: Marks
    positions: Rows
    devices: Rows


class PlaceWatch:
    """Reads each change once and sends it to those who may see it: positions at most in one frame."""

    def __init__(self) -> None:
        self._marks = Marks()
        # What was last sent of a device, and when it had then been heard.
        self._sent: dict[str, tuple[tuple[object, ...], int]] = {}

    def skip_to(self, marks: Marks) -> None:
        """Nobody listens: what is written up to `marks` will be in the next client's snapshot."""
        self._marks = marks
        self._sent.clear()

    def read(self, connection: Connection) -> PlaceChanges:
        """Return what is new."""
        marks = current_marks(connection)
        return PlaceChanges(
            marks,
            changed_positions(connection, self._marks.positions),
            changed_devices(connection, self._marks.devices, self._marks.registry),
        )

    def send(self, changes: PlaceChanges, audience: Audience, now_ms: int) -> None:
        """Send what is new to those who may see it."""
        self._marks = changes.marks
        if changes.positions:
            for orgs, clients in audience.by_scope().items():
                seen = [row for row in changes.positions if row.nurse_org in orgs]
                if not seen:
                    continue
                frame = frames.positions(seen, now_ms)
                for client in clients:
                    client.offer(frame)
        for row in changes.devices:
            if self._is_news(row):
                audience.send(frames.device(row), row.org)

    def _is_news(self, row: Row[Any]) -> bool:
        battery = None if row.battery_pct is None else round(row.battery_pct)
        told = (row.online, battery, row.firmware, row.nurse, row.org, row.revoked_ms)
        heard_ms = row.heard_ms or 0
        before = self._sent.get(row.id)
        if before is not None and before[0] == told and heard_ms - before[1] < _HEARD_AGAIN_MS:
            return False
        self._sent[row.id] = (told, heard_ms)
        return True
