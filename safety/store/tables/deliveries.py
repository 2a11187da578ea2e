"""The table of what became of commands that somebody awaits the effect of."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from devices.registry.tables import metadata

# One row for each command that is no news of an alarm; whether it was sent stands in `commands`.
deliveries = Table(
    "deliveries",
    metadata,
    Column("command", String, primary_key=True),
    Column("device", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("asked_by", String),  # a login; None: a rule
    Column("alert", String),  # because of which it was asked, if of one
    Column("awaited_ms", BigInteger),  # until when an answer counts; None: none is awaited (any more)
    Column("answered_ms", BigInteger),
    Column("refused_ms", BigInteger),  # it can never be told, e.g. because of the device's dialect
    Index("deliveries_awaited", "awaited_ms"),
)
