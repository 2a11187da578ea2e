"""Checkpoints: an engine's state together with the offset that it stands for."""

from typing import NamedTuple

from sqlalchemy import Connection, select

from safety.store.tables import checkpoints
from safety.store.upsert import replace


class Checkpoint(NamedTuple):
    """The state of one partition's engine after all entries up to `offset`."""

    lane: str
    partition: int
    offset: int
    state: bytes
    at_ms: int


def load_checkpoint(connection: Connection, lane: str, partition: int) -> Checkpoint | None:
    """Return the last checkpoint of a partition, None if there is none."""
    saved = select(checkpoints).where(checkpoints.c.lane == lane, checkpoints.c.partition == partition)
    row = connection.execute(saved).first()
    return None if row is None else Checkpoint(row.lane, row.partition, row.offset, row.state, row.at_ms)


def save_checkpoint(connection: Connection, saved: Checkpoint) -> None:
    """Write a checkpoint in place of the partition's last one."""
    columns = ["offset", "state", "at_ms"]
    replace(connection, checkpoints, [saved._asdict()], key=["lane", "partition"], columns=columns)
