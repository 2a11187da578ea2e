"""Creates the tables of alerts, of what devices said, and of the engine."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _create_alerts()
    _create_observations()
    _create_bookkeeping()


def downgrade() -> None:
    # Those that point at others go first.
    for table in (
        "audit",
        "plan_changes",
        "checkpoints",
        "dead_letters",
        "device_states",
        "tracks",
        "positions",
        "commands",
        "notifications",
        "alert_timeline",
        "alerts",
    ):
        op.drop_table(table)


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("org", sa.String, nullable=False),
        sa.Column("nurse", sa.String),
        sa.Column("device", sa.String),
        sa.Column("visit", sa.String),
        sa.Column("occurred_ms", sa.BigInteger, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("raised_ms", sa.BigInteger, nullable=False),
        sa.Column("position", sa.JSON),
        sa.Column("escalation_level", sa.Integer, nullable=False),
        sa.Column("owner", sa.String),
        sa.Column("test", sa.Boolean, nullable=False),
        sa.Column("silent", sa.Boolean, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("doubts", sa.JSON, nullable=False),
        sa.Column("why", sa.JSON, nullable=False),
        sa.Column("alarm", sa.String),
        sa.Column("alarm_seq", sa.BigInteger),
        sa.Column("source_event", sa.String, nullable=False),
        sa.Column("resolution", sa.String),
        sa.Column("cancel_until_ms", sa.BigInteger),
        sa.Column("due_ms", sa.BigInteger),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("alerts_due", "alerts", ["due_ms"])
    op.create_index("alerts_nurse_kind_state", "alerts", ["nurse", "kind", "state"])
    op.create_index("alerts_org_raised", "alerts", ["org", "raised_ms", "id"])
    op.create_table(
        "alert_timeline",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("alert", sa.String, sa.ForeignKey("alerts.id"), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("actor", sa.String),
        sa.Column("detail", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("alert_timeline_alert", "alert_timeline", ["alert", "seq"])
    op.create_table(
        "notifications",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("alert", sa.String, sa.ForeignKey("alerts.id"), nullable=False),
        sa.Column("responder", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("tier", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger),
        sa.Column("sent_ms", sa.BigInteger),
        sa.Column("error", sa.Text),
    )
    op.create_index("notifications_alert", "notifications", ["alert"])
    op.create_index("notifications_due", "notifications", ["due_ms"])
    op.create_table(
        "commands",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_ms", sa.BigInteger),
        sa.Column("sent_ms", sa.BigInteger),
    )
    op.create_index("commands_due", "commands", ["due_ms"])


def _create_observations() -> None:
    op.create_table(
        "positions",
        sa.Column("nurse", sa.String, primary_key=True),
        sa.Column("org", sa.String, nullable=False),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("visit", sa.String),
        sa.Column("lat", sa.Float, nullable=False),
        sa.Column("lon", sa.Float, nullable=False),
        sa.Column("accuracy_m", sa.Float),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("positions_org", "positions", ["org"])
    op.create_index("positions_revision", "positions", ["revision"])
    op.create_table(
        "tracks",
        sa.Column("nurse", sa.String, primary_key=True),
        sa.Column("time_ms", sa.BigInteger, primary_key=True),
        sa.Column("device", sa.String, primary_key=True),
        sa.Column("visit", sa.String),
        sa.Column("lat", sa.Float, nullable=False),
        sa.Column("lon", sa.Float, nullable=False),
        sa.Column("accuracy_m", sa.Float),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "device_states",
        sa.Column("device", sa.String, primary_key=True),
        sa.Column("online", sa.Boolean),
        sa.Column("heard_ms", sa.BigInteger),
        sa.Column("battery_pct", sa.Float),
        sa.Column("signal_dbm", sa.Float),
        sa.Column("firmware", sa.String),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("device_states_revision", "device_states", ["revision"])
    op.create_table(
        "dead_letters",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("device", sa.String),
        sa.Column("org", sa.String),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("explanation", sa.Text, nullable=False),
        sa.Column("field", sa.String),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )


def _create_bookkeeping() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("lane", sa.String, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "plan_changes",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("nurse", sa.String),
        sa.Column("org", sa.String),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("org", sa.String),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("subject", sa.String),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("previous_hash", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.UniqueConstraint("previous_hash"),
        sqlite_autoincrement=True,
    )
