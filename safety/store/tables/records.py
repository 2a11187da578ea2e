"""The table of work records: what a recorder noted of a visit."""

from sqlalchemy import JSON, BigInteger, Column, Index, String, Table

from devices.registry.tables import metadata

work_records = Table(
    "work_records",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, nullable=False),
    Column("nurse", String),
    Column("device", String, nullable=False),
    Column("visit", String),
    Column("kind", String, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("seq", BigInteger),
    Column("sha256", String),  # of a segment
    Column("detail", JSON, nullable=False),
    Index("work_records_visit", "visit", "time_ms", "id"),
    Index("work_records_segment", "device", "sha256"),
)
