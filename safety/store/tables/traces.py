"""The tables of what devices said last, and of what could not be read."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, LargeBinary, String, Table, Text, text

from devices.registry.tables import metadata
from safety.store.tables.types import SEQUENCE

_AHEAD = text("time_ms > received_ms")

positions = Table(
    "positions",
    metadata,
    Column("nurse", String, primary_key=True),
    Column("org", String, nullable=False),
    Column("device", String, nullable=False),
    Column("visit", String),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("accuracy_m", Float),
    Column("time_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    # Grows with every write: the live feed asks only for what is new to it.
    Column("revision", BigInteger, nullable=False),
    Index("positions_org", "org"),
    Index("positions_revision", "revision"),
)

tracks = Table(
    "tracks",
    metadata,
    Column("nurse", String, primary_key=True),
    Column("time_ms", BigInteger, primary_key=True),
    Column("device", String, primary_key=True),
    Column("visit", String),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("accuracy_m", Float),
    Column("received_ms", BigInteger, nullable=False),
    # What a clock that was ahead put into the future is old before its time comes; there is none by now.
    Index("tracks_ahead", "received_ms", sqlite_where=_AHEAD, postgresql_where=_AHEAD),
    # Each day is a table of its own there (safety.store.track_days).
    postgresql_partition_by="RANGE (time_ms)",
    # In the order of its key: a nurse's points of a day lie in a dozen pages, not each in another one.
    sqlite_with_rowid=False,
)

device_states = Table(
    "device_states",
    metadata,
    Column("device", String, primary_key=True),
    Column("online", Boolean),
    Column("heard_ms", BigInteger),
    Column("battery_pct", Float),
    Column("signal_dbm", Float),
    Column("firmware", String),
    Column("revision", BigInteger, nullable=False),
    # How the charge goes, in % an hour (falling: below zero), and when it is empty by that.
    Column("battery_trend_pct_h", Float),
    Column("battery_empty_ms", BigInteger),
    Column("battery_charging", Boolean),
    Column("clock_skew_ms", BigInteger),  # ahead: above zero; None: right, or not known
    Column("fix_accuracy_m", Float),  # of its last fix, usable or not
    Column("fix_ms", BigInteger),  # when its last usable fix came in
    Column("tested_ms", BigInteger),  # when its last test alarm came in
    Index("device_states_revision", "revision"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("topic", String, nullable=False),
    Column("device", String),
    Column("org", String),
    Column("reason", String, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("field", String),
    Column("payload", LargeBinary, nullable=False),
    Index("dead_letters_at", "at_ms"),
    Index("dead_letters_device", "device", "seq"),
)
