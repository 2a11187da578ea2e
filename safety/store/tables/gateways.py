"""The table of what gateways are called; their logins are among those of the devices."""

from sqlalchemy import Column, String, Table

from devices.registry.tables import metadata

gateways = Table(
    "gateways",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
)
