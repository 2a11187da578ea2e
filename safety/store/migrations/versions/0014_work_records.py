"""Adds what recorders noted of a visit."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "work_records",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("org", sa.String, nullable=False),
        sa.Column("nurse", sa.String),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("visit", sa.String),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger),
        sa.Column("sha256", sa.String),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    op.create_index("work_records_visit", "work_records", ["visit", "time_ms", "id"])
    op.create_index("work_records_segment", "work_records", ["device", "sha256"])


def downgrade() -> None:
    op.drop_table("work_records")
