"""The table of whose turn it is, where of several processes only one may work."""

from sqlalchemy import BigInteger, Column, String, Table

from devices.registry.tables import metadata

turns = Table(
    "turns",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String),  # None: it was given back
    Column("beat", BigInteger, nullable=False),  # grows for as long as the holder lives
)
