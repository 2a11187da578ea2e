"""Creates the tables of people, devices and places."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_master_data()
    _create_people()


def downgrade() -> None:
    # Those that point at others go first.
    for table in (
        "login_failures",
        "sessions",
        "users",
        "devices",
        "policies",
        "fences",
        "visits",
        "responders",
        "nurses",
        "orgs",
    ):
        op.drop_table(table)


def _create_master_data() -> None:
    op.create_table(
        "orgs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("parent", sa.String, sa.ForeignKey("orgs.id")),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "nurses",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("org", sa.String, sa.ForeignKey("orgs.id"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("phone", sa.String),
        sa.Column("pin_hash", sa.String),
        sa.Column("duress_pin_hash", sa.String),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("nurses_org", "nurses", ["org"])
    op.create_table(
        "responders",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("org", sa.String, sa.ForeignKey("orgs.id"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("channels", sa.JSON, nullable=False),
        sa.Column("lat", sa.Float),
        sa.Column("lon", sa.Float),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("responders_org", "responders", ["org"])
    op.create_table(
        "visits",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("nurse", sa.String, sa.ForeignKey("nurses.id"), nullable=False),
        sa.Column("org", sa.String, sa.ForeignKey("orgs.id"), nullable=False),
        sa.Column("lat", sa.Float, nullable=False),
        sa.Column("lon", sa.Float, nullable=False),
        sa.Column("radius_m", sa.Float, nullable=False),
        sa.Column("starts_ms", sa.BigInteger, nullable=False),
        sa.Column("ends_ms", sa.BigInteger, nullable=False),
        sa.Column("check_in_every_s", sa.Float),
        sa.Column("patient", sa.String),
        sa.Column("risk", sa.String, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("visits_nurse_ends", "visits", ["nurse", "ends_ms"])
    op.create_index("visits_org_ends", "visits", ["org", "ends_ms"])
    op.create_table(
        "fences",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("org", sa.String, sa.ForeignKey("orgs.id"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("geometry", sa.JSON, nullable=False),
        sa.Column("radius_m", sa.Float),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("fences_org", "fences", ["org"])
    op.create_table(
        "policies",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("org", sa.String, sa.ForeignKey("orgs.id"), nullable=False, unique=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("tiers", sa.JSON, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("org", sa.String, nullable=False),
        sa.Column("nurse", sa.String),
        sa.Column("codec", sa.String, nullable=False),
        sa.Column("external_id", sa.String, unique=True),
        sa.Column("secret_hash", sa.String, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("revoked_ms", sa.BigInteger),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("devices_nurse", "devices", ["nurse"])
    op.create_index("devices_org", "devices", ["org"])
    op.create_index("devices_revision", "devices", ["revision"])


def _create_people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("org", sa.String, sa.ForeignKey("orgs.id"), nullable=False),
        sa.Column("login", sa.String, nullable=False, unique=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("disabled_ms", sa.BigInteger),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String, primary_key=True),
        sa.Column("user", sa.String, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "login_failures",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("login_failures_subject_at", "login_failures", ["subject", "at_ms"])
