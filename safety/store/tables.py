"""The tables of the store. Times are UTC epoch milliseconds (`*_ms`); JSON columns hold plain objects."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from devices.registry.tables import devices, metadata

__all__ = ["devices", "metadata"]

# --- who and where: master data -------------------------------------------------------------------

orgs = Table(
    "orgs",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("parent", String, ForeignKey("orgs.id")),
    Column("created_ms", BigInteger, nullable=False),
)

nurses = Table(
    "nurses",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, ForeignKey("orgs.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("phone", String),
    Column("pin_hash", String),
    Column("duress_pin_hash", String),
    Column("created_ms", BigInteger, nullable=False),
    Index("nurses_org", "org"),
)

responders = Table(
    "responders",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, ForeignKey("orgs.id"), nullable=False),
    Column("name", String, nullable=False),
    # A list of channel addresses: `log:`, or the URL of a webhook.
    Column("channels", JSON, nullable=False),
    Column("lat", Float),
    Column("lon", Float),
    Column("created_ms", BigInteger, nullable=False),
    Index("responders_org", "org"),
)

visits = Table(
    "visits",
    metadata,
    Column("id", String, primary_key=True),
    Column("nurse", String, ForeignKey("nurses.id"), nullable=False),
    Column("org", String, ForeignKey("orgs.id"), nullable=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("radius_m", Float, nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Column("check_in_every_s", Float),
    Column("patient", String),
    Column("risk", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index("visits_nurse_ends", "nurse", "ends_ms"),
    Index("visits_org_ends", "org", "ends_ms"),
)

fences = Table(
    "fences",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, ForeignKey("orgs.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("mode", String, nullable=False),  # stay_in, keep_out
    Column("geometry", JSON, nullable=False),  # GeoJSON, WGS-84
    Column("radius_m", Float),  # of a Point: the circle around it
    Column("created_ms", BigInteger, nullable=False),
    Index("fences_org", "org"),
)

policies = Table(
    "policies",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, ForeignKey("orgs.id"), nullable=False, unique=True),
    Column("name", String, nullable=False),
    # [{"after_s": seconds since the tier before, "responders": [ids]}]
    Column("tiers", JSON, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)

# --- who may: people at the console ---------------------------------------------------------------

users = Table(
    "users",
    metadata,
    Column("id", String, primary_key=True),
    Column("org", String, ForeignKey("orgs.id"), nullable=False),
    Column("login", String, nullable=False, unique=True),
    Column("role", String, nullable=False),  # dispatcher, supervisor, admin, auditor
    Column("password_hash", String, nullable=False),
    Column("disabled_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("user", String, ForeignKey("users.id"), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subject", String, nullable=False),  # "login:NAME" or "address:IP"
    Column("at_ms", BigInteger, nullable=False),
    Index("login_failures_subject_at", "subject", "at_ms"),
)

# --- alerts and what is owed because of them ------------------------------------------------------

alerts = Table(
    "alerts",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("state", String, nullable=False),
    Column("org", String, nullable=False),
    Column("nurse", String),
    Column("device", String),
    Column("visit", String),
    Column("occurred_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("raised_ms", BigInteger, nullable=False),
    Column("position", JSON),
    Column("escalation_level", Integer, nullable=False, default=0),
    Column("owner", String),
    Column("test", Boolean, nullable=False, default=False),
    Column("silent", Boolean, nullable=False, default=False),
    Column("late", Boolean, nullable=False, default=False),
    Column("doubts", JSON, nullable=False),
    Column("why", JSON, nullable=False),
    Column("alarm", String),  # the device's own id of the alarm
    Column("alarm_seq", BigInteger),
    Column("source_event", String, nullable=False),
    Column("resolution", String),
    Column("cancel_until_ms", BigInteger),
    # When routing must look at it next; None: nothing is due.
    Column("due_ms", BigInteger),
    Column("version", Integer, nullable=False),
    Index("alerts_org_raised", "org", "raised_ms", "id"),
    Index("alerts_due", "due_ms"),
    Index("alerts_nurse_kind_state", "nurse", "kind", "state"),
)

timeline = Table(
    "alert_timeline",
    metadata,
    # The cursor of the live feed: grows with every change to any alert.
    Column("seq", Integer, primary_key=True, autoincrement=True),
    # Derived from its cause, so that a replay writes it once.
    Column("id", String, nullable=False, unique=True),
    Column("alert", String, ForeignKey("alerts.id"), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("what", String, nullable=False),
    Column("actor", String),
    Column("detail", JSON, nullable=False),
    Index("alert_timeline_alert", "alert", "seq"),
    sqlite_autoincrement=True,
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", String, primary_key=True),
    Column("alert", String, ForeignKey("alerts.id"), nullable=False),
    Column("responder", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("state", String, nullable=False),  # pending, sent, failed
    Column("attempts", Integer, nullable=False, default=0),
    Column("created_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger),
    Column("sent_ms", BigInteger),
    Column("error", Text),
    Index("notifications_due", "due_ms"),
    Index("notifications_alert", "alert"),
)

commands = Table(
    "commands",
    metadata,
    Column("id", String, primary_key=True),
    Column("device", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_ms", BigInteger),  # None: sent, or given up
    Column("sent_ms", BigInteger),
    Index("commands_due", "due_ms"),
)

# --- where and how: what devices said last --------------------------------------------------------

positions = Table(
    "positions",
    metadata,
    Column("nurse", String, primary_key=True),
    Column("org", String, nullable=False),
    Column("device", String, nullable=False),
    Column("visit", String),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("accuracy_m", Float),
    Column("time_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    # Grows with every write: the live feed asks only for what is new to it.
    Column("revision", BigInteger, nullable=False),
    Index("positions_org", "org"),
    Index("positions_revision", "revision"),
)

tracks = Table(
    "tracks",
    metadata,
    Column("nurse", String, primary_key=True),
    Column("time_ms", BigInteger, primary_key=True),
    Column("device", String, primary_key=True),
    Column("visit", String),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("accuracy_m", Float),
    Column("received_ms", BigInteger, nullable=False),
)

device_states = Table(
    "device_states",
    metadata,
    Column("device", String, primary_key=True),
    Column("online", Boolean),
    Column("heard_ms", BigInteger),
    Column("battery_pct", Float),
    Column("signal_dbm", Float),
    Column("firmware", String),
    Column("revision", BigInteger, nullable=False),
    Index("device_states_revision", "revision"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("topic", String, nullable=False),
    Column("device", String),
    Column("org", String),
    Column("reason", String, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("field", String),
    Column("payload", LargeBinary, nullable=False),
)

# --- the engine's own ------------------------------------------------------------------------------

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("lane", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

# Which plans must be told to the engine anew: written with the change, deleted when it is in the log.
plan_changes = Table(
    "plan_changes",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("nurse", String),
    Column("org", String),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("org", String),
    Column("action", String, nullable=False),
    Column("subject", String),
    Column("detail", JSON, nullable=False),
    Column("previous_hash", String, nullable=False),
    Column("hash", String, nullable=False),
    UniqueConstraint("previous_hash"),
    sqlite_autoincrement=True,
)
