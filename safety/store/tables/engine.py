"""The tables of the engine's own, and the audit trail."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from devices.registry.tables import metadata
from safety.store.tables.types import SEQUENCE

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("lane", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

# Whose a partition is: a new owner claims it with the next epoch, and what an older one writes is refused.
claims = Table(
    "claims",
    metadata,
    Column("lane", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("owner", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

# Which plans must be told to the engine anew: written with the change, deleted when it is in the log.
plan_changes = Table(
    "plan_changes",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("nurse", String),
    Column("org", String),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("org", String),
    Column("action", String, nullable=False),
    Column("subject", String),
    Column("detail", JSON, nullable=False),
    Column("previous_hash", String, nullable=False),
    Column("hash", String, nullable=False),
    UniqueConstraint("previous_hash"),
    *(Index(f"audit_{name}", name, "seq") for name in ("actor", "action", "org", "subject")),
    sqlite_autoincrement=True,
)
