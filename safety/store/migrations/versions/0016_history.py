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
    for name, (table, _) in _WIDER.items():
        op.drop_index(name)
        op.create_index(name, table, ["org"])
