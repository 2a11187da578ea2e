"""The tables of what devices that send over HTTP were told in the answers."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from devices.registry.tables import metadata
from safety.store.tables.alerts import commands

# Devices that send over HTTP, and since when: from then on their commands go with the answers, too.
http_devices = Table(
    "http_devices",
    metadata,
    Column("device", String, primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
)

handouts = Table(
    "handouts",
    metadata,
    Column("command", String, primary_key=True),
    Column("times", Integer, nullable=False),
    Column("handed_ms", BigInteger),  # the last time; None: the device had it some other way
    Column("request", String),  # what was answered, of senders that cannot say what they have seen
    Column("seen_ms", BigInteger),  # None: as far as we know its answer was lost
)

# Each request asks what its device is owed: all that any device was ever told is in that table.
Index("commands_device", commands.c.device, commands.c.created_ms)
