"""The table of what organisations and visits set of the rules' limits."""

from sqlalchemy import JSON, BigInteger, Column, String, Table

from devices.registry.tables import metadata

limits = Table(
    "limits",
    metadata,
    Column("subject", String, primary_key=True),  # an organisation or a visit
    Column("changes", JSON, nullable=False),  # {name: value}, see safety.domain.limits
    Column("updated_ms", BigInteger, nullable=False),
)
