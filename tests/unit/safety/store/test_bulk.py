"""Many rows at once: they come out as they went in, on each database."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from safety.store.bulk import Row, insert_new, put
from safety.store.tables import device_states, positions

_PLACE = ("nurse", "org", "device", "lat", "lon", "accuracy_m", "time_ms", "received_ms", "revision")
_NAMES = st.text(st.characters(codec="utf-8"), max_size=12)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def place(nurse: str, lat: float = 31.0, accuracy_m: float | None = None, revision: int = 1) -> Row:
    return (nurse, "org_1", "dev_1", lat, 121.4, accuracy_m, 1_795_000_000_000, 1_795_000_000_001, revision)


def stored(connection: Connection) -> list[Any]:
    columns = [positions.c[name] for name in _PLACE]
    return [tuple(row) for row in connection.execute(select(*columns).order_by(positions.c.nurse))]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.dictionaries(_NAMES, st.tuples(_NUMBERS, st.none() | _NUMBERS), max_size=8))
def test_what_is_put_is_there_exactly(
    connection: Connection, given: dict[str, tuple[float, float | None]]
) -> None:
    # PostgreSQL knows no U+0000, and no float of less than some 1e-307 in the text that it is given.
    clean = {
        name.replace("\x00", "\ufffd"): tuple(None if one is None else round(one, 9) for one in numbers)
        for name, numbers in given.items()
    }
    rows = [place(name, *numbers) for name, numbers in clean.items()]  # type: ignore[arg-type]
    connection.execute(positions.delete())
    put(connection, positions, _PLACE, rows, key="nurse")
    put(connection, positions, _PLACE, rows, key="nurse")
    assert sorted(stored(connection)) == sorted(rows)


def test_the_last_word_counts_for_the_columns_that_are_told(connection: Connection) -> None:
    put(connection, device_states, ("device", "firmware", "revision"), [("dev_1", "1.0", 1)], key="device")
    told: list[Row] = [("dev_1", True, 2), ("dev_2", False, 2)]
    put(connection, device_states, ("device", "online", "revision"), told, key="device")
    rows = connection.execute(select(device_states).order_by(device_states.c.device)).all()
    assert [(row.device, row.online, row.firmware, row.revision) for row in rows] == [
        ("dev_1", True, "1.0", 2),
        ("dev_2", False, None, 2),
    ]


def test_what_is_there_already_stays(connection: Connection) -> None:
    insert_new(connection, positions, _PLACE, [place("nur_1", 31.0)])
    insert_new(connection, positions, _PLACE, [place("nur_1", 32.0), place("nur_2"), place("nur_2", 33.0)])
    assert [(row[0], row[3]) for row in stored(connection)] == [("nur_1", 31.0), ("nur_2", 31.0)]
    insert_new(connection, positions, _PLACE, [])
    assert len(stored(connection)) == 2


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_postgresql_gets_another_sign_for_what_it_refuses(connection: Connection) -> None:
    put(connection, positions, _PLACE, [place("a\x00b"), place("a\\u0000b")], key="nurse")
    assert sorted(row[0] for row in stored(connection)) == ["a\\u0000b", "a\ufffdb"]
