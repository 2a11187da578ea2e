"""LookAhead: which shared fences the positions of a batch are in, asked as rarely as possible."""

from collections.abc import Mapping, Sequence

from devices.reports import Position
from ingest.records import Arrival
from safety.rules.calm import Calm
from safety.rules.shared_fences import SharedFence, SharedFences

ONE_BY_ONE = 4
"""So many positions of a batch are asked about by themselves, most batches have no more; then all others at
once."""


class LookAhead:
    """Answers for one batch of records; it changes nothing."""

    def __init__(
        self, shared: SharedFences, calm: Mapping[str | None, Calm], records: Sequence[object]
    ) -> None:
        self._shared = shared
        self._calm = calm
        self._records = records
        self._asked = 0
        self._known: Mapping[int, list[SharedFence]] | None = None
        self._version = shared.version

    def within(self, arrival: Arrival, index: int) -> Sequence[SharedFence]:
        """Return the shared fences that the position in the batch's record `index` is in."""
        position: Position | None = getattr(arrival.report, "position", None)
        if position is None or not self._shared:
            return ()
        self._asked += 1
        if self._asked > ONE_BY_ONE and self._known is None:
            self._known, self._version = self._look(index), self._shared.version
        if self._known is None or self._version != self._shared.version or index not in self._known:
            return self._shared.holding([position], [arrival.org])[0]
        return self._known[index]

    def _look(self, first: int) -> Mapping[int, list[SharedFence]]:
        """Ask about the positions from the record `first` on; those of calm nurses are rarely wanted."""
        places, positions, orgs = [], [], []
        for index in range(first, len(self._records)):
            record = self._records[index]
            if not isinstance(record, Arrival) or record.nurse is None:
                continue
            position = getattr(record.report, "position", None)
            calm = self._calm.get(record.nurse)
            if position is not None and (calm is None or not calm.holds(position.lat, position.lon)):
                places.append(index)
                positions.append(position)
                orgs.append(record.org)
        return dict(zip(places, self._shared.holding(positions, orgs), strict=True))
