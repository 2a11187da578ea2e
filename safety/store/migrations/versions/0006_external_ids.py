"""Adds the index by which a gateway's name of a device finds it, in upper or lower case."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index("devices_external_id", "devices", [sa.text("lower(external_id)")])


def downgrade() -> None:
    op.drop_index("devices_external_id", "devices")
