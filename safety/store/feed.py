"""The feed: what changed in the store since a reader last looked."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, func, select, union

from safety.store.alert_queries import select_alerts
from safety.store.master_queries import select_devices
from safety.store.place_queries import select_positions
from safety.store.postgres import newest_revision
from safety.store.queries import Rows, Scope, read_rows
from safety.store.tables import alerts, device_states, devices, nurses, orgs, positions, timeline

# A cursor that is further behind than this is answered with a snapshot.
MAX_REPLAY = 5_000

_ENTRIES = (
    select(timeline.c.seq, timeline.c.alert)
    .where(timeline.c.seq > bindparam("after"))
    .order_by(timeline.c.seq)
    .limit(MAX_REPLAY)
)


class AlertChange(NamedTuple):
    """An alert as it is now, and the newest timeline entry that says so."""

    seq: int
    alert: Row[Any]


class Marks(NamedTuple):
    """How far a reader has read: timeline entries, positions, device states, the registry of devices."""

    alerts: int = 0
    positions: int = 0
    devices: int = 0
    registry: int = 0


def current_marks(connection: Connection) -> Marks:
    """Return the newest of everything: from here on all is new."""
    entry, registered = (
        int(connection.execute(select(func.max(column))).scalar() or 0)
        for column in (timeline.c.seq, devices.c.revision)
    )
    placed = newest_revision(connection, positions.c.revision)
    return Marks(entry, placed, newest_revision(connection, device_states.c.revision), registered)


def changed_alerts(connection: Connection, after: int, scope: Scope | None = None) -> list[AlertChange]:
    """Return each alert that changed after `after` once, in the order of its newest change.

    At most 5,000 timeline entries are looked at; the next call goes on from there. They are committed in
    the order of their numbers: SQLite has one writer at a time, and PostgreSQL numbers them when their
    transaction commits (migration 0006). None as `scope` is for the hub, which asks once for everyone and
    gives each only their own.
    """
    newest = {row.alert: row.seq for row in connection.execute(_ENTRIES, {"after": after})}
    statement = _alerts_by_id()
    if scope is not None:
        statement = statement.where(scope.covers(alerts.c.org))
    # Nothing changed is by far the most frequent answer.
    changed = connection.execute(statement, {"ids": list(newest)}) if newest else ()
    return sorted((AlertChange(newest[row.id], row) for row in changed), key=lambda change: change.seq)


@cache
def _alerts_by_id() -> Select[Any]:
    return select_alerts().where(alerts.c.id.in_(bindparam("ids", expanding=True)))


def can_replay(connection: Connection, after: int, upto: int) -> bool:
    """Tell whether every change after entry `after` is still known, and they are not too many.

    Entry `after` itself must still be there: that tells a cursor of this store from one of another, or
    from before retention deleted what followed it. 0 is the cursor of a store without any entry.
    """
    if not 0 <= after <= upto or upto - after > MAX_REPLAY:
        return False
    expected = max(after, 1) if upto else None
    oldest = select(func.min(timeline.c.seq)).where(timeline.c.seq >= after)
    return connection.execute(oldest).scalar() == expected


def changed_positions(connection: Connection, after: int) -> Rows:
    """Return the positions written after revision `after`, with their nurses' organisation as `nurse_org`."""
    statement = select_positions().add_columns(nurses.c.org.label("nurse_org"))
    return read_rows(connection, statement.where(positions.c.revision > after))


def changed_devices(connection: Connection, states_after: int, registry_after: int) -> Rows:
    """Return the devices whose state, or whose entry in the registry, was written after these revisions."""
    # Two looks at an index: asked for either of two tables' columns, a database reads both tables.
    changed = union(
        select(device_states.c.device).where(device_states.c.revision > states_after),
        select(devices.c.id).where(devices.c.revision > registry_after),
    )
    return read_rows(connection, select_devices().where(devices.c.id.in_(changed)))


def all_orgs(connection: Connection) -> frozenset[str]:
    """Return the ids of all organisations."""
    return frozenset(connection.execute(select(orgs.c.id)).scalars())
