"""Claims: whose a partition is. The newest claim counts, and whoever held it before writes no more."""

from typing import Any

from sqlalchemy import Connection, bindparam, select

from safety.errors import Superseded
from safety.store.tables import claims
from safety.store.upsert import insert_into

# Locked against the next claim where transactions run side by side; SQLite has one writer anyway.
_NEWEST = (
    select(claims.c.epoch, claims.c.owner)
    .where(claims.c.lane == bindparam("lane"), claims.c.partition == bindparam("partition"))
    .with_for_update(read=True)
)


def claim(connection: Connection, lane: str, partition: int, owner: str, now_ms: int) -> int:
    """Make the partition `owner`'s; return the epoch of the claim, one more than the last one's."""
    mine = {"owner": owner, "at_ms": now_ms}
    statement: Any = insert_into(connection, claims).values(lane=lane, partition=partition, epoch=1, **mine)
    renewed = statement.on_conflict_do_update(
        index_elements=["lane", "partition"], set_={"epoch": claims.c.epoch + 1, **mine}
    )
    return int(connection.execute(renewed.returning(claims.c.epoch)).scalar_one())


def hold(connection: Connection, lane: str, partition: int, epoch: int) -> None:
    """Make sure that the claim of `epoch` is the newest until this transaction ends.

    Raises:
        Superseded: somebody has claimed the partition since.
    """
    row = connection.execute(_NEWEST, {"lane": lane, "partition": partition}).first()
    if row is None or row.epoch != epoch:
        by = "nobody" if row is None else row.owner
        raise Superseded(f"partition {partition} of {lane} has been taken over by {by}")
