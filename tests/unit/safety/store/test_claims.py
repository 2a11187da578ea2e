"""Claims: the newest counts, and whoever held the partition before is refused."""

import pytest
from sqlalchemy import Connection

from safety.errors import Superseded
from safety.store.claims import claim, hold


def test_a_newer_claim_ends_the_older_one(connection: Connection) -> None:
    first = claim(connection, "alarms", 3, "one", 1)
    hold(connection, "alarms", 3, first)
    second = claim(connection, "alarms", 3, "two", 2)
    assert second == first + 1
    hold(connection, "alarms", 3, second)
    with pytest.raises(Superseded, match="partition 3 of alarms has been taken over by two"):
        hold(connection, "alarms", 3, first)


def test_partitions_are_claimed_apart(connection: Connection) -> None:
    epochs = [
        claim(connection, lane, number, "one", 1) for lane in ("alarms", "telemetry") for number in (0, 1)
    ]
    assert epochs == [1, 1, 1, 1]
    claim(connection, "alarms", 0, "two", 2)
    hold(connection, "alarms", 1, 1)
    hold(connection, "telemetry", 0, 1)


def test_nobody_holds_what_nobody_has_claimed(connection: Connection) -> None:
    with pytest.raises(Superseded, match="by nobody"):
        hold(connection, "alarms", 0, 0)
