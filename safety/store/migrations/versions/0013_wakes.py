"""Has PostgreSQL wake whoever waits for alerts and commands; adds whose turn it is to do the work."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_NUMBERING = """
CREATE OR REPLACE FUNCTION vigil_number_timeline() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1447644244);
    UPDATE alert_timeline SET seq = nextval(pg_get_serial_sequence('alert_timeline', 'seq'))
        WHERE id = NEW.id;
    {more}
    RETURN NULL;
END $$
"""
# Heard when the transaction commits, once for however many rows.
_NOTIFY = "PERFORM pg_notify('vigil', '');"
_WAKING = f"""
CREATE FUNCTION vigil_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {_NOTIFY}
    RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE TRIGGER vigil_wake AFTER INSERT ON commands FOR EACH STATEMENT EXECUTE FUNCTION vigil_wake()
"""


def upgrade() -> None:
    op.create_table(
        "turns",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("holder", sa.String),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_NUMBERING.format(more=_NOTIFY))
        op.execute(_WAKING)
        op.execute(_TRIGGER)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER vigil_wake ON commands")
        op.execute("DROP FUNCTION vigil_wake")
        op.execute(_NUMBERING.format(more=""))
    op.drop_table("turns")
