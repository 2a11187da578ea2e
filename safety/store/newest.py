"""Newest: where nurses and how devices are by the latest word of each, gathered until it is stored."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection

from safety.rules.effects import Effect, PlacePosition
from safety.store.bulk import Row, put
from safety.store.device_states import States, note, see, store_states
from safety.store.postgres import next_revision
from safety.store.tables import positions

_POSITION = (
    *("nurse", "org", "device", "visit", "lat", "lon", "accuracy_m", "time_ms", "received_ms"),
    "revision",
)


class Newest:
    """The newest place of each nurse and state of each device, by their ids."""

    def __init__(self) -> None:
        self.places: dict[str, PlacePosition] = {}
        self.states: States = {}

    def __bool__(self) -> bool:
        return bool(self.places or self.states)

    def take(self, effects: Iterable[Effect]) -> None:
        """Take in what `effects` say; what they say again of the same counts."""
        places, states = self.places, self.states
        for effect in effects:
            if type(effect) is PlacePosition:
                if effect.newest:
                    places[effect.sight.nurse] = effect
                see(states, effect)
            else:
                note(states, effect)

    def slices(self, most: int) -> Iterator["Newest"]:
        """Cut it into parts of at most `most` nurses and devices; none of nothing."""
        places, states = iter(self.places.items()), iter(self.states.items())
        while True:
            part = Newest()
            part.places.update(islice(places, most))
            part.states.update(islice(states, most))
            if not part:
                return
            yield part


def store_newest(connection: Connection, newest: Newest) -> None:
    """Put `newest` in place of what is known."""
    if newest.places:
        _store_positions(connection, [place for _, place in sorted(newest.places.items())])
    if newest.states:
        store_states(connection, newest.states)


def _store_positions(connection: Connection, places: Sequence[PlacePosition]) -> None:
    revision = next_revision(connection, positions.c.revision)
    put(connection, positions, _POSITION, [_row(place, revision) for place in places], key="nurse")


def _row(place: PlacePosition, revision: int) -> Row:
    sight = place.sight
    position = sight.position
    return (
        sight.nurse,
        sight.org,
        sight.device,
        place.visit,
        position.lat,
        position.lon,
        position.accuracy_m,
        sight.time_ms,
        sight.received_ms,
        revision,
    )
