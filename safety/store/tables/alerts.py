"""The tables of alerts, and of what is owed to people and devices because of them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from devices.registry.tables import metadata
from safety.domain.alert import OPEN_STATES
from safety.store.tables.types import SEQUENCE
from safety.store.tables.words import one_of

# To the letter as `IS_OPEN` has it: SQLite uses a partial index where the question repeats its words.
_OPEN_ONES = text("state IN ('acknowledged', 'dispatched', 'on_scene', 'raised')")
_OWED_ONES = text("due_ms IS NOT NULL")

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
    # The alert that opened the incident: itself, or an earlier one of the same nurse.
    Column("incident", String),
    # The alert of the incident that people are paged for instead; None: this one pages by itself.
    Column("held_by", String),
    Index("alerts_org_raised", "org", "raised_ms", "id"),
    Index("alerts_due", "due_ms"),
    Index("alerts_nurse_kind_state", "nurse", "kind", "state"),
    Index("alerts_nurse_state_received", "nurse", "state", "received_ms"),
    Index("alerts_incident", "incident"),
    Index("alerts_raised", "raised_ms", "id", "org"),
    # The few that are open, among all that ever were.
    Index("alerts_open", "org", "raised_ms", sqlite_where=_OPEN_ONES, postgresql_where=_OPEN_ONES),
)

IS_OPEN = one_of(alerts.c.state, OPEN_STATES)
"""The condition that an alert is open, in words that find the index of those."""

timeline = Table(
    "alert_timeline",
    metadata,
    # The cursor of the live feed: grows with every change to any alert.
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
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
    Index("commands_created", "created_ms"),
    # What is owed, device by device: the rest is all that was ever told.
    Index("commands_owed", "device", "created_ms", sqlite_where=_OWED_ONES, postgresql_where=_OWED_ONES),
)
