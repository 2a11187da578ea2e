"""Effects in the store: however they are cut into batches, and stored again, the same is there."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, select

from devices.reports import Position
from safety.rules.effects import DeviceHealth, Effect, HearDevice, PlacePosition
from safety.rules.sight import Sight
from safety.store.effects import store_effects
from safety.store.tables import device_states, positions, tracks

AT_MS = 1_795_000_000_000
_TIMES = st.integers(AT_MS, AT_MS + 5)
_WHO = st.integers(1, 3)
_MAYBE = st.none() | st.sampled_from([8.0, 12.5, 900.0])


@st.composite
def places(draw: st.DrawFn) -> PlacePosition:
    who, at_ms = draw(_WHO), draw(_TIMES)
    # A point of a track is there once, by when and by what it was seen: so it always says the same.
    at = Position(31.0 + at_ms % 10, 121.0, 8.0 if at_ms % 2 else 900.0 if at_ms % 3 else None)
    device = f"dev_{who}{at_ms % 2}"
    sight = Sight(at, at_ms, at_ms + 1, f"nur_{who}", "org_1", device, "fix", None, at_ms)
    return PlacePosition(sight, "vis_1" if at_ms % 4 else None, draw(st.booleans()), draw(_MAYBE))


_HEARD = st.builds(
    HearDevice,
    device=st.builds("dev_{}{}".format, _WHO, st.integers(0, 1)),
    heard_ms=_TIMES,
    online=st.none() | st.booleans(),
    battery_pct=_MAYBE,
    firmware=st.none() | st.sampled_from(["1.0", "a\x00b"]),
)
_HEALTH = st.builds(
    DeviceHealth,
    device=st.builds("dev_{}{}".format, _WHO, st.integers(0, 1)),
    battery_trend_pct_h=_MAYBE,
    battery_empty_ms=st.none(),
    battery_charging=st.none() | st.booleans(),
    clock_skew_ms=st.none() | st.integers(-9, 9),
)


def stored(connection: Connection) -> list[Any]:
    def rows(table: Table) -> list[Any]:
        columns = [column for column in table.columns if column.name != "revision"]
        return connection.execute(select(*columns).order_by(*table.primary_key.columns)).all()  # type: ignore[return-value]  # rows

    return [rows(table) for table in (positions, tracks, device_states)]


def empty(connection: Connection) -> None:
    for table in (positions, tracks, device_states):
        connection.execute(table.delete())


def store(connection: Connection, effects: Sequence[Effect], cuts: Sequence[int]) -> None:
    for begin, end in pairwise([0, *sorted(cuts), len(effects)]):
        store_effects(connection, effects[begin:end], AT_MS)


@pytest.mark.parametrize("worth_copying", [1, 8])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(places() | _HEARD | _HEALTH, max_size=20), st.data())
def test_batches_make_no_difference(
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    worth_copying: int,
    effects: list[Effect],
    data: st.DataObject,
) -> None:
    monkeypatch.setattr("safety.store.tracks._WORTH_COPYING", worth_copying)
    one, other = (data.draw(st.lists(st.integers(0, len(effects)), max_size=4)) for _ in range(2))
    empty(connection)
    store(connection, effects, one)
    once = stored(connection)
    store(connection, effects, other)
    assert stored(connection) == once
    empty(connection)
    store(connection, effects, other)
    assert stored(connection) == once
