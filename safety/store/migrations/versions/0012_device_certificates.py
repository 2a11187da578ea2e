"""Adds how a device proves itself beside its secret: to Mosquitto, and by certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("devices", sa.Column("mosquitto_hash", sa.String))
    op.add_column("devices", sa.Column("certified_from_ms", sa.BigInteger))
    op.create_table(
        "device_certificates",
        sa.Column("serial", sa.String, primary_key=True),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("issued_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("device_certificates_device", "device_certificates", ["device"])


def downgrade() -> None:
    op.drop_table("device_certificates")
    op.drop_column("devices", "certified_from_ms")
    op.drop_column("devices", "mosquitto_hash")
