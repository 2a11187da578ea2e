"""What a JSON column holds is read as it was written, also what the standard does not know."""

import math
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Column, Integer, MetaData, Table, insert, select

from devices.registry.database import open_database

_metadata = MetaData()
_kept = Table("kept", _metadata, Column("id", Integer, primary_key=True), Column("said", JSON))

SAID: list[Any] = [
    {"lat": 31.2304, "corners": [[121.47, 31.23], [121.48, 31.24]], "name": "浦东", "none": None},
    [1, -1, 2**63, -(2**70), 0.1, 1e300, True, False, "\x00", ""],
    "\ud800",
    math.inf,
]


@pytest.mark.parametrize("said", SAID)
def test_what_is_written_is_read(said: Any, tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'kept.db'}")
    _metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(_kept).values(id=1, said=said))
        assert connection.execute(select(_kept.c.said)).scalar_one() == said
    engine.dispose()


def test_what_is_no_number_is_none_when_it_is_read(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'kept.db'}")
    _metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(_kept).values(id=1, said=[math.nan]))
        (number,) = connection.execute(select(_kept.c.said)).scalar_one()
    assert math.isnan(number)
    engine.dispose()
