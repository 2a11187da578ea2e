"""Adds who had which device, planned tests, and more of how devices are; who has them now is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_ADDED = (
    ("battery_trend_pct_h", sa.Float),
    ("battery_empty_ms", sa.BigInteger),
    ("battery_charging", sa.Boolean),
    ("clock_skew_ms", sa.BigInteger),
    ("fix_accuracy_m", sa.Float),
    ("fix_ms", sa.BigInteger),
    ("tested_ms", sa.BigInteger),
)


def upgrade() -> None:
    op.create_table(
        "device_bindings",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("device", sa.String, sa.ForeignKey("devices.id"), nullable=False),
        sa.Column("nurse", sa.String, nullable=False),
        sa.Column("org", sa.String, nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("to_ms", sa.BigInteger),
        sa.Column("given_by", sa.String, nullable=False),
        sa.Column("ended_by", sa.String),
        sa.Column("ended_how", sa.String),
        sqlite_autoincrement=True,
    )
    op.create_index("device_bindings_device", "device_bindings", ["device", "seq"])
    op.create_table(
        "device_tests",
        sa.Column("device", sa.String, sa.ForeignKey("devices.id"), primary_key=True),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("planned_by", sa.String, nullable=False),
    )
    # SQLite writes a table that was altered as one line: it is made anew, as if it had always been so.
    _rebuild([sa.Column(name, type_) for name, type_ in _ADDED])
    op.execute(
        "INSERT INTO device_bindings (device, nurse, org, from_ms, to_ms, given_by, ended_how)"
        " SELECT id, nurse, org, created_ms, revoked_ms, 'system',"
        " CASE WHEN revoked_ms IS NULL THEN NULL ELSE 'revoked' END"
        " FROM devices WHERE nurse IS NOT NULL ORDER BY created_ms, id"
    )


def downgrade() -> None:
    _rebuild([])
    op.drop_table("device_tests")
    op.drop_index("device_bindings_device", "device_bindings")
    op.drop_table("device_bindings")


def _rebuild(added: list[sa.Column[object]]) -> None:
    kept = "device, online, heard_ms, battery_pct, signal_dbm, firmware, revision"
    op.execute(f"CREATE TABLE device_states_before AS SELECT {kept} FROM device_states")  # noqa: S608  # constants
    op.drop_index("device_states_revision", "device_states")
    op.drop_table("device_states")
    op.create_table(
        "device_states",
        sa.Column("device", sa.String, primary_key=True),
        sa.Column("online", sa.Boolean),
        sa.Column("heard_ms", sa.BigInteger),
        sa.Column("battery_pct", sa.Float),
        sa.Column("signal_dbm", sa.Float),
        sa.Column("firmware", sa.String),
        sa.Column("revision", sa.BigInteger, nullable=False),
        *added,
    )
    op.execute(f"INSERT INTO device_states ({kept}) SELECT {kept} FROM device_states_before")  # noqa: S608  # constants
    op.drop_table("device_states_before")
    op.create_index("device_states_revision", "device_states", ["revision"])
