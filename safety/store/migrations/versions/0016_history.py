"""Adds the indexes with which no question of the console's, or of the service's own, reads all of history."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_INDEXES = {
    "alerts_raised": ("alerts", ["raised_ms", "id", "org"]),
    "commands_created": ("commands", ["created_ms"]),
    "audit_actor": ("audit", ["actor", "seq"]),
    "audit_action": ("audit", ["action", "seq"]),
    "audit_org": ("audit", ["org", "seq"]),
    "audit_subject": ("audit", ["subject", "seq"]),
    "visits_ends": ("visits", ["ends_ms", "starts_ms", "nurse"]),
    "visits_starts": ("visits", ["starts_ms", "id", "org", "ends_ms"]),
    "dead_letters_at": ("dead_letters", ["at_ms"]),
    "dead_letters_device": ("dead_letters", ["device", "seq"]),
}
_PARTIAL = {
    "alerts_open": (
        "alerts",
        ["org", "raised_ms"],
        "state IN ('acknowledged', 'dispatched', 'on_scene', 'raised')",
    ),
    "commands_owed": ("commands", ["device", "created_ms"], "due_ms IS NOT NULL"),
    "tracks_ahead": ("tracks", ["received_ms"], "time_ms > received_ms"),
}
_WIDER = {"devices_org": ("devices", ["org", "id", "kind"]), "nurses_org": ("nurses", ["org", "id"])}


def upgrade() -> None:
    _rebuild_tracks(by_key=True)
    for name, (table, columns) in _WIDER.items():
        op.drop_index(name)
        op.create_index(name, table, columns)
    lasts_ms: sa.ColumnElement[int] = sa.column("ends_ms") - sa.column("starts_ms")
    op.create_index("visits_longest", "visits", [lasts_ms])
    for name, (table, columns) in _INDEXES.items():
        op.create_index(name, table, columns)
    for name, (table, columns, those) in _PARTIAL.items():
        where = sa.text(those)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in (*_INDEXES, *_PARTIAL, "visits_longest"):
        op.drop_index(name)
    _rebuild_tracks(by_key=False)
    for name, (table, _) in _WIDER.items():
        op.drop_index(name)
        op.create_index(name, table, ["org"])


def _rebuild_tracks(*, by_key: bool) -> None:
    """On SQLite, keep the points in the order of their key, once, instead of as they came and in an index."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.execute("ALTER TABLE tracks RENAME TO tracks_before")
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
        sqlite_with_rowid=not by_key,
    )
    op.execute("INSERT INTO tracks SELECT * FROM tracks_before ORDER BY nurse, time_ms, device")
    op.execute("DROP TABLE tracks_before")
