"""Master data as people read it: who there is, and what is planned."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, Table, and_, exists, select

from safety.errors import NotFound
from safety.store.queries import (
    Listed,
    Page,
    Scope,
    read_wide_page,
)
from safety.store.tables import (
    device_states,
    device_tests,
    devices,
    nurses,
    orgs,
    users,
    visits,
)
from safety.store.visit_times import longest_visit_ms, on_a_visit

# Nobody's business, or nobody's but the registry's own.
_SECRET = frozenset({"secret_hash", "mosquitto_hash", "certified_from_ms", "revision"})


class VisitFilter(NamedTuple):
    """Which visits: of one nurse, and those that touch the time from `from_ms` to `to_ms`."""

    nurse: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None


def list_nurses(connection: Connection, scope: Scope, page: Page, now_ms: int) -> Listed:
    """Return nurses with `on_visit`: whether one of their visits is on; the key is (id)."""
    return read_wide_page(
        connection,
        _nurses(connection, now_ms),
        scope.covers_unless_all(connection, nurses.c.org),
        (nurses.c.id,),
        page,
    )


def read_nurse(connection: Connection, scope: Scope, nurse: str, now_ms: int) -> Row[Any]:
    """Return one nurse as `list_nurses` does.

    Raises:
        NotFound: there is none, or she is another organisation's.
    """
    return _one(connection, _nurses(connection, now_ms), nurses, scope, nurse)


def _nurses(connection: Connection, now_ms: int) -> Select[Any]:
    visit_on = exists().where(visits.c.nurse == nurses.c.id, on_a_visit(connection, now_ms))
    return select(nurses.c.id, nurses.c.name, nurses.c.org, nurses.c.phone, visit_on.label("on_visit"))


def select_devices() -> Select[Any]:
    """Return devices with how they are; never their secrets' hashes, and no gateways."""
    own = [column for column in devices.c if column.name not in _SECRET]
    state = [column for column in device_states.c if column.name not in {"device", "revision"}]
    test = (device_tests.c.from_ms.label("test_from_ms"), device_tests.c.until_ms.label("test_until_ms"))
    return (
        select(*own, *state, *test)
        .select_from(
            devices.outerjoin(device_states, device_states.c.device == devices.c.id).outerjoin(
                device_tests, device_tests.c.device == devices.c.id
            )
        )
        .where(devices.c.kind != "gateway")
    )


def list_devices(connection: Connection, scope: Scope, page: Page) -> Listed:
    """Return devices; the key is (id)."""
    return read_wide_page(
        connection,
        select_devices(),
        scope.covers_unless_all(connection, devices.c.org),
        (devices.c.id,),
        page,
    )


def read_device(connection: Connection, scope: Scope, device: str) -> Row[Any]:
    """Return one device as `list_devices` does.

    Raises:
        NotFound: there is none, or it is another organisation's.
    """
    return _one(connection, select_devices(), devices, scope, device)


def list_visits(connection: Connection, scope: Scope, wanted: VisitFilter, page: Page) -> Listed:
    """Return visits, latest start first; the key is (starts_ms, id)."""
    conditions = [scope.covers_in_order(connection, visits.c.org)]
    if wanted.nurse is not None:
        conditions.append(visits.c.nurse == wanted.nurse)
    if wanted.from_ms is not None:
        # No visit lasts longer, so none that began before then is on any more: the others are not looked at.
        begun_ms = wanted.from_ms - longest_visit_ms(connection)
        conditions += [visits.c.ends_ms > wanted.from_ms, visits.c.starts_ms > begun_ms]
    bounds_ms = [] if wanted.to_ms is None else [wanted.to_ms]
    if page.after is not None:
        # What the cursor says as well; but SQLite takes one bound only, and maybe the wider one.
        bounds_ms.append(page.after[0] + 1)
    if bounds_ms:
        conditions.append(visits.c.starts_ms < min(bounds_ms))
    key = (visits.c.starts_ms, visits.c.id)
    return read_wide_page(connection, select(visits), and_(*conditions), key, page, newest_first=True)


def list_master(connection: Connection, scope: Scope, table: Table, page: Page) -> Listed:
    """Return the rows of a table with `id` and `org`: fences, responders, policies; the key is (id)."""
    return read_wide_page(
        connection, select(table), scope.covers_unless_all(connection, table.c.org), (table.c.id,), page
    )


def read_master(connection: Connection, scope: Scope, table: Table, identity: str) -> Row[Any]:
    """Return one row of such a table.

    Raises:
        NotFound: there is none, or it is another organisation's.
    """
    return _one(connection, select(table), table, scope, identity)


def list_orgs(connection: Connection, scope: Scope, page: Page) -> Listed:
    """Return organisations; the key is (id)."""
    return read_wide_page(connection, select(orgs), scope.covers(orgs.c.id), (orgs.c.id,), page)


def read_org(connection: Connection, scope: Scope, org: str) -> Row[Any]:
    """Return one organisation.

    Raises:
        NotFound: there is none, or it is another's.
    """
    row = connection.execute(select(orgs).where(orgs.c.id == org, scope.covers(orgs.c.id))).first()
    if row is None:
        raise NotFound(f"no organisation {org}")
    return row


def list_users(connection: Connection, scope: Scope, page: Page) -> Listed:
    """Return users without their passwords' hashes; the key is (id)."""
    return read_wide_page(connection, _users(), scope.covers(users.c.org), (users.c.id,), page)


def read_user(connection: Connection, scope: Scope, user: str) -> Row[Any]:
    """Return one user as `list_users` does.

    Raises:
        NotFound: there is none, or they are another organisation's.
    """
    return _one(connection, _users(), users, scope, user)


def _users() -> Select[Any]:
    return select(*(column for column in users.c if column.name != "password_hash"))


def _one(
    connection: Connection, statement: Select[Any], table: Table, scope: Scope, identity: str
) -> Row[Any]:
    row = connection.execute(statement.where(table.c.id == identity, scope.covers(table.c.org))).first()
    if row is None:
        raise NotFound(f"no {table.name.removesuffix('s')} {identity}")
    return row
