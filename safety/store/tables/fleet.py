"""The tables of who had which device, and of tests that are planned."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from devices.registry.tables import metadata
from safety.store.tables.types import SEQUENCE

# Whoever has a device has an open binding (no `to_ms`); the others are its history.
device_bindings = Table(
    "device_bindings",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("device", String, ForeignKey("devices.id"), nullable=False),
    Column("nurse", String, nullable=False),
    Column("org", String, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger),
    Column("given_by", String, nullable=False),
    Column("ended_by", String),
    Column("ended_how", String),  # handed_over, revoked
    Index("device_bindings_device", "device", "seq"),
    sqlite_autoincrement=True,
)

# The next alarm of the device in this time is a test.
device_tests = Table(
    "device_tests",
    metadata,
    Column("device", String, ForeignKey("devices.id"), primary_key=True),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("planned_by", String, nullable=False),
)
