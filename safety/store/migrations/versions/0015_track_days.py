"""Keeps each day of tracks in a table of its own on PostgreSQL; the days are made as they come."""

from alembic import op

revision = "0015"
down_revision = "0014"

_COLUMNS = """
    nurse VARCHAR NOT NULL, time_ms BIGINT NOT NULL, device VARCHAR NOT NULL, visit VARCHAR,
    lat DOUBLE PRECISION NOT NULL, lon DOUBLE PRECISION NOT NULL, accuracy_m DOUBLE PRECISION,
    received_ms BIGINT NOT NULL, CONSTRAINT tracks_pkey PRIMARY KEY (nurse, time_ms, device)
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _rebuild(
            f"CREATE TABLE tracks ({_COLUMNS}) PARTITION BY RANGE (time_ms)",
            "CREATE TABLE tracks_default PARTITION OF tracks DEFAULT",
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _rebuild(f"CREATE TABLE tracks ({_COLUMNS})")


def _rebuild(*statements: str) -> None:
    op.execute("ALTER TABLE tracks RENAME TO tracks_before")
    op.execute("ALTER INDEX tracks_pkey RENAME TO tracks_before_pkey")
    for statement in statements:
        op.execute(statement)
    op.execute("INSERT INTO tracks SELECT * FROM tracks_before")
    op.execute("DROP TABLE tracks_before")
