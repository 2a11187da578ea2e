"""Creates the tables of gateways, and of what devices that send over HTTP were told in the answers."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "gateways",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
    )
    op.create_table(
        "http_devices",
        sa.Column("device", sa.String, primary_key=True),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "handouts",
        sa.Column("command", sa.String, primary_key=True),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("handed_ms", sa.BigInteger),
        sa.Column("request", sa.String),
        sa.Column("seen_ms", sa.BigInteger),
    )
    op.create_index("commands_device", "commands", ["device", "created_ms"])


def downgrade() -> None:
    op.drop_index("commands_device", "commands")
    op.drop_table("handouts")
    op.drop_table("http_devices")
    op.drop_table("gateways")
