"""Adds what a fence may have beyond its shape: a width, hours, limits, and the visit that it is of."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    added = [
        sa.Column("width_m", sa.Float),
        sa.Column("schedule", sa.JSON),
        sa.Column("limits", sa.JSON),
        sa.Column("visit", sa.String, sa.ForeignKey("visits.id")),
    ]
    _rebuild(added)
    op.create_index("fences_visit", "fences", ["visit"])


def downgrade() -> None:
    op.execute("DELETE FROM fences WHERE width_m IS NOT NULL OR visit IS NOT NULL")
    op.drop_index("fences_visit", "fences")
    _rebuild([])


def _rebuild(added: Sequence[sa.Column[object]]) -> None:
    """Make the table anew with `added` columns: SQLite cannot add a column with a reference to a table."""
    kept = "id, org, name, mode, geometry, radius_m, created_ms"
    op.execute(f"CREATE TABLE fences_before AS SELECT {kept} FROM fences")  # noqa: S608  # constants
    op.drop_index("fences_org", "fences")
    op.drop_table("fences")
    op.create_table(
        "fences",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("org", sa.String, sa.ForeignKey("orgs.id"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("geometry", sa.JSON, nullable=False),
        sa.Column("radius_m", sa.Float),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        *added,
    )
    op.execute(f"INSERT INTO fences ({kept}) SELECT {kept} FROM fences_before")  # noqa: S608  # constants
    op.drop_table("fences_before")
    op.create_index("fences_org", "fences", ["org"])
