"""Adds that a visit was cancelled, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_BY_END = ["ends_ms", "starts_ms", "nurse"]


def upgrade() -> None:
    op.add_column("visits", sa.Column("cancelled_ms", sa.BigInteger))
    op.drop_index("visits_ends")
    op.create_index("visits_ends", "visits", [*_BY_END, "cancelled_ms"])


def downgrade() -> None:
    op.drop_index("visits_ends")
    op.create_index("visits_ends", "visits", _BY_END)
    op.drop_column("visits", "cancelled_ms")
