"""Creates the table of what became of commands that somebody awaits the effect of."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("command", sa.String, primary_key=True),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("asked_by", sa.String),
        sa.Column("alert", sa.String),
        sa.Column("awaited_ms", sa.BigInteger),
        sa.Column("answered_ms", sa.BigInteger),
        sa.Column("refused_ms", sa.BigInteger),
    )
    op.create_index("deliveries_awaited", "deliveries", ["awaited_ms"])


def downgrade() -> None:
    op.drop_index("deliveries_awaited", "deliveries")
    op.drop_table("deliveries")
