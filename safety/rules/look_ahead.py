"""LookAhead: which shared fences the positions of a batch are in, asked as rarely as possible."""

from collections.abc import Mapping, Sequence
from typing import Literal

from devices.reports import Position
from ingest.records import Arrival
from safety.rules.calm import Calm
from safety.rules.shared_fences import SharedFence, SharedFences

ONE_BY_ONE = 4
"""So many positions of a batch are asked about by themselves: most batches have no more."""


class LookAhead:
    """Answers for one batch of records; it changes nothing.

    After the first few, all that are left are asked about together: at first those that are likely to be
    wanted, which the positions of calm nurses are not, and once more all of them if that was wrong.
    """

    def __init__(
        self, shared: SharedFences, calm: Mapping[str | None, Calm], records: Sequence[object]
    ) -> None:
        self._shared = shared
        self._calm = calm
        self._records = records
        self._asked = 0
        self._known: dict[int, list[SharedFence]] = {}
        self._looked: Literal["not", "likely", "all"] = "not"
        self._version = shared.version

    def within(self, arrival: Arrival, index: int) -> Sequence[SharedFence]:
        """Return the shared fences that the position in the batch's record `index` is in."""
        position: Position | None = getattr(arrival.report, "position", None)
        if position is None or not self._shared:
            return ()
        if self._version != self._shared.version:
            self._known, self._looked, self._version = {}, "not", self._shared.version
        self._asked += 1
        if self._asked > ONE_BY_ONE and index not in self._known and self._looked != "all":
            self._looked = (
                "likely" if self._looked == "not" and not self._is_calm(arrival, position) else "all"
            )
            self._look(index)
        found = self._known.get(index)
        return self._shared.holding([position], [arrival.org])[0] if found is None else found

    def _look(self, first: int) -> None:
        """Ask about the positions from the record `first` on."""
        places, positions, orgs = [], [], []
        for index in range(first, len(self._records)):
            record = self._records[index]
            if not isinstance(record, Arrival) or record.nurse is None:
                continue
            position: Position | None = getattr(record.report, "position", None)
            if position is not None and (self._looked == "all" or not self._is_calm(record, position)):
                places.append(index)
                positions.append(position)
                orgs.append(record.org)
        self._known |= zip(places, self._shared.holding(positions, orgs), strict=True)

    def _is_calm(self, arrival: Arrival, position: Position) -> bool:
        calm = self._calm.get(arrival.nurse)
        return calm is not None and calm.holds(position.lat, position.lon)
