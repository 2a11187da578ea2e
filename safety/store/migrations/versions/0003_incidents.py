"""Adds the incident that an alert belongs to; those raised before are each their own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("alerts", sa.Column("incident", sa.String))
    op.add_column("alerts", sa.Column("held_by", sa.String))
    op.execute("UPDATE alerts SET incident = id")
    op.create_index("alerts_incident", "alerts", ["incident"])
    op.create_index("alerts_nurse_state_received", "alerts", ["nurse", "state", "received_ms"])


def downgrade() -> None:
    op.drop_index("alerts_nurse_state_received", "alerts")
    op.drop_index("alerts_incident", "alerts")
    op.drop_column("alerts", "held_by")
    op.drop_column("alerts", "incident")
