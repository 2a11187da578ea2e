"""Has PostgreSQL number timeline entries in the order in which they are committed; wider numbers there."""

from alembic import op

revision = "0007"
down_revision = "0006"

_NUMBERED = ("alert_timeline", "audit", "dead_letters", "plan_changes")
# The live feed reads on from the last number that it saw. Numbers that are given when an entry is written may
# be committed out of order by writers side by side: the feed would pass by the one that commits later. The
# lock is the last that a transaction takes, and held only while it commits.
_FUNCTION = """
CREATE FUNCTION vigil_number_timeline() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1447644244);
    UPDATE alert_timeline SET seq = nextval(pg_get_serial_sequence('alert_timeline', 'seq'))
        WHERE id = NEW.id;
    RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE CONSTRAINT TRIGGER vigil_number_timeline AFTER INSERT ON alert_timeline
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION vigil_number_timeline()
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    _retype("bigint")
    op.execute(_FUNCTION)
    op.execute(_TRIGGER)


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP TRIGGER vigil_number_timeline ON alert_timeline")
    op.execute("DROP FUNCTION vigil_number_timeline")
    _retype("integer")


def _retype(type_: str) -> None:
    for table in _NUMBERED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN seq TYPE {type_}")
        op.execute(f"ALTER SEQUENCE {table}_seq_seq AS {type_}")
