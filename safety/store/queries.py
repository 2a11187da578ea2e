"""Scope and paging: what every reading query shares."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select, tuple_

from safety.errors import NotFound
from safety.store.tables import orgs

Rows = Sequence[Row[Any]]
DEFAULT_LIMIT = 100
MAX_LIMIT = 500


class Scope(NamedTuple):
    """What someone of organisation `org` may see: that organisation and all below it.

    Every query that answers a person goes through `covers`; there is no other way to what is stored.
    """

    org: str

    def covers(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition that the organisation in `column` is one of those."""
        return column.in_(_subtree(self.org))

    def orgs(self, connection: Connection) -> frozenset[str]:
        """Return the ids of those organisations."""
        return frozenset(connection.execute(_subtree(self.org)).scalars())

    def require(self, connection: Connection, org: str) -> None:
        """Refuse an organisation that is not one of those.

        Raises:
            NotFound: it is another's, or there is none.
        """
        if org not in self.orgs(connection):
            raise NotFound(f"no organisation {org}")


class Page(NamedTuple):
    """Which part of a list: at most `limit` rows, after the key `after` (None: from the start)."""

    limit: int = DEFAULT_LIMIT
    after: tuple[Any, ...] | None = None


class Listed(NamedTuple):
    """A part of a list, and the key of its last row if there is more."""

    rows: Rows
    next: tuple[Any, ...] | None


def _subtree(org: str) -> Select[Any]:
    tree = select(orgs.c.id).where(orgs.c.id == org).cte(recursive=True)
    # UNION, not UNION ALL: it ends even if someone made a circle of parents.
    tree = tree.union(select(orgs.c.id).where(orgs.c.parent == tree.c.id))
    return select(tree.c.id)


def read_page(
    connection: Connection,
    statement: Select[Any],
    key: Sequence[ColumnElement[Any]],
    page: Page,
    *,
    newest_first: bool = False,
) -> Listed:
    """Run `statement` for one page in the order of the unique `key`, whose columns it must select."""
    if page.after is not None:
        bound = tuple_(*key)
        statement = statement.where(bound < page.after if newest_first else bound > page.after)
    order = [column.desc() if newest_first else column.asc() for column in key]
    rows = connection.execute(statement.order_by(*order).limit(page.limit + 1)).all()
    if len(rows) <= page.limit:
        return Listed(rows, None)
    rows = rows[: page.limit]
    return Listed(rows, tuple(getattr(rows[-1], column.key or "") for column in key))


def owned_by_nobody(connection: Connection, scope: Scope, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition for rows that carry no organisation, e.g. letters of unknown devices.

    They may hold anyone's data, so of several independent organisations only the first one made sees
    them: that of whoever runs the service.
    """
    first = select(orgs.c.id).where(orgs.c.parent.is_(None)).order_by(orgs.c.created_ms, orgs.c.id).limit(1)
    if connection.execute(first).scalar() == scope.org:
        return or_(scope.covers(column), column.is_(None))
    return and_(scope.covers(column))
