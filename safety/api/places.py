"""PlaceWatch: which positions and devices the live feed's clients have not heard of yet."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from safety.api import frames
from safety.api.clients import Audience
from safety.api.outbox import Frame
from safety.store.feed import Marks, changed_devices, changed_positions, current_marks
from safety.store.queries import Rows

# That a device was heard again is news only so often; its position says the same.
_HEARD_AGAIN_MS = 60_000
# More nurses than this are told in several frames, so that an alert gets through between them.
_MOST_POSITIONS = 1_000

Orgs = frozenset[str]


class PlaceChanges(NamedTuple):
    """What was written since the marks before: frames by what their receivers may see, device rows."""

    marks: Marks
    positions: Rows
    frames: dict[Orgs, list[Frame]]
    devices: Rows


class PlaceWatch:
    """Reads each change once and sends it to those who may see it."""

    def __init__(self) -> None:
        self._marks = Marks()
        # What was last sent of a device, and when it had then been heard.
        self._sent: dict[str, tuple[tuple[object, ...], int]] = {}

    def skip_to(self, marks: Marks) -> None:
        """Nobody listens: what is written up to `marks` will be in the next client's snapshot."""
        self._marks = marks
        self._sent.clear()

    def read(self, connection: Connection, scopes: Iterable[Orgs], now_ms: int) -> PlaceChanges:
        """Return what is new; the frames are made here, on a thread, and not on the event loop."""
        marks = current_marks(connection)
        rows = changed_positions(connection, self._marks.positions)
        devices = changed_devices(connection, self._marks.devices, self._marks.registry)
        return PlaceChanges(marks, rows, {orgs: _frames(rows, orgs, now_ms) for orgs in scopes}, devices)

    def send(self, changes: PlaceChanges, audience: Audience, now_ms: int) -> None:
        """Send what is new to those who may see it."""
        self._marks = changes.marks
        for orgs, clients in audience.by_scope().items():
            made = changes.frames.get(orgs)
            for frame in _frames(changes.positions, orgs, now_ms) if made is None else made:
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


def _frames(rows: Rows, orgs: Orgs, now_ms: int) -> list[Frame]:
    seen = [row for row in rows if row.nurse_org in orgs]
    starts = range(0, len(seen), _MOST_POSITIONS)
    return [frames.positions(seen[start : start + _MOST_POSITIONS], now_ms) for start in starts]
