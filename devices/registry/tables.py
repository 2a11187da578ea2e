"""The registry's table; its migrations run with those of the rest of the store."""

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, func

metadata = MetaData()

# What was issued, so that an outside broker can be told what holds no more; `serial` in hex.
certificates = Table(
    "device_certificates",
    metadata,
    Column("serial", String, primary_key=True),
    Column("device", String, nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Index("device_certificates_device", "device"),
)

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
    # The same secret as Mosquitto's password file wants it; none for a device older than this column.
    Column("mosquitto_hash", String),
    # Certificates issued before do not count.
    Column("certified_from_ms", BigInteger),
    Index("devices_revision", "revision"),
    Index("devices_org", "org", "id", "kind"),
    Index("devices_nurse", "nurse"),
)
# Gateways spell a DevEUI in either case.
Index("devices_external_id", func.lower(devices.c.external_id))
