"""The registry's table; its migrations run with those of the rest of the store."""

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, func

metadata = MetaData()

devices = Table(
    "devices",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("org", String, nullable=False),
    Column("nurse", String),
    Column("codec", String, nullable=False, default="native"),
    Column("external_id", String, unique=True),
    Column("secret_hash", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    # Grows with every change to any row, so that a reader asks only for what is new to it.
    Column("revision", BigInteger, nullable=False),
    Index("devices_revision", "revision"),
    Index("devices_org", "org"),
    Index("devices_nurse", "nurse"),
)
# Gateways spell a DevEUI in either case.
Index("devices_external_id", func.lower(devices.c.external_id))
