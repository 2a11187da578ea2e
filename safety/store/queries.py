"""Scope and paging: what every reading query shares."""

from collections import namedtuple
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    any_,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from safety.errors import NotFound
from safety.store.postgres import is_postgres
from safety.store.tables import orgs

Rows = Sequence[Row[Any]]
DEFAULT_LIMIT = 100
MAX_LIMIT = 500
# SQLite takes 500 branches in a union; far fewer are as good as one sort.
MOST_BRANCHES = 50


class Scope(NamedTuple):
    """What someone of organisation `org` may see: that organisation and all below it.

    Every query that answers a person goes through `covers`; there is no other way to what is stored.
    """

    org: str

    def covers(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition that the organisation in `column` is one of those."""
        return column.in_(_subtree(self.org))

    def covers_unless_all(self, connection: Connection, column: ColumnElement[str]) -> ColumnElement[bool]:
        """Return the same condition, and none for whoever sees every organisation.

        So `column` must not be null.
        """
        return true() if self._seen(connection) is None else self.covers(column)

    def covers_in_order(self, connection: Connection, column: ColumnElement[str]) -> ColumnElement[bool]:
        """Do the same for many rows: those of many organisations are passed by in another order."""
        seen = self._seen(connection)
        if seen is None:
            return true()
        return (column if len(seen) <= MOST_BRANCHES else in_order(column)).in_(seen)

    def _seen(self, connection: Connection) -> list[str] | None:
        """Return the ids of those organisations, None if these are all."""
        all_orgs = select(func.count()).select_from(orgs).scalar_subquery()
        counted = connection.execute(_subtree(self.org).add_columns(all_orgs)).all()
        if counted and len(counted) == counted[0][1]:
            return None
        return sorted(org for org, _ in counted)

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


def read_rows(connection: Connection, statement: Select[Any]) -> Rows:
    """Return all rows of `statement` as named tuples, whose columns are read ten times as fast."""
    result = connection.execute(statement)
    return cast(Rows, [*map(_shape(tuple(result.keys()))._make, result.all())])


@lru_cache(maxsize=256)
def _shape(columns: tuple[str, ...]) -> Any:
    return namedtuple("_Row", columns)


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
    following = _following(statement, key, page, newest_first)
    return _listed(read_rows(connection, following), key, page)


def read_wide_page(
    connection: Connection,
    statement: Select[Any],
    wanted: ColumnElement[bool],
    key: Sequence[ColumnElement[Any]],
    page: Page,
    *,
    newest_first: bool = False,
) -> Listed:
    """Do the same where many rows are `wanted`: their keys are put in order first, then the page is read.

    The last column of `key` must be unique by itself.
    """
    keys = _following(statement.with_only_columns(*key).where(wanted), key, page, newest_first)
    ids = [row[-1] for row in connection.execute(keys)]
    wide = statement.where(among(connection, key[-1], ids)).order_by(*_ordered(key, newest_first))
    return _listed(read_rows(connection, wide), key, page)


def _following(
    statement: Select[Any], key: Sequence[ColumnElement[Any]], page: Page, newest_first: bool
) -> Select[Any]:
    if page.after is not None:
        bound = tuple_(*key)
        statement = statement.where(bound < page.after if newest_first else bound > page.after)
    # One more than the page holds tells whether another one follows.
    return statement.order_by(*_ordered(key, newest_first)).limit(page.limit + 1)


def _ordered(key: Sequence[ColumnElement[Any]], newest_first: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if newest_first else column.asc() for column in key]


def _listed(rows: Rows, key: Sequence[ColumnElement[Any]], page: Page) -> Listed:
    if len(rows) <= page.limit:
        return Listed(rows, None)
    rows = rows[: page.limit]
    return Listed(rows, tuple(getattr(rows[-1], column.key or "") for column in key))


def among(connection: Connection, column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Return the condition that `column` is one of `values`.

    PostgreSQL takes them as one array: 500 parameters took 7 ms more.
    """
    if not is_postgres(connection):
        return column.in_(values)
    return column == any_(literal(list(values), ARRAY(column.type)))


def in_order(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return `column` so that no index on it is used, but the one on what the rows are ordered by.

    Asked for rows in the order of time whose organisation is one of many, SQLite would look them all up by
    organisation and sort them.
    """
    return column.concat("")


def owned_by_nobody(connection: Connection, scope: Scope, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition for rows that carry no organisation, e.g. letters of unknown devices.

    They may hold anyone's data, so of several independent organisations only the first one made sees
    them: that of whoever runs the service.
    """
    if sees_nobodys(connection, scope):
        return or_(scope.covers(column), column.is_(None))
    return and_(scope.covers(column))


def sees_nobodys(connection: Connection, scope: Scope) -> bool:
    """Tell whether `scope` is that of whoever runs the service."""
    first = select(orgs.c.id).where(orgs.c.parent.is_(None)).order_by(orgs.c.created_ms, orgs.c.id).limit(1)
    return connection.execute(first).scalar() == scope.org
