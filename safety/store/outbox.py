"""The outbox of commands: what devices have yet to be told, in the order in which it came up."""

from collections.abc import Collection
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    select,
    update,
)

from devices.commands import Command, CommandKind
from devices.identity import derived_id
from safety.store.deliveries import note_asked, note_refused, note_sent
from safety.store.once import insert_once
from safety.store.tables import alerts, commands, device_states, devices, timeline

Detail = str | int | float | bool | None

# What came up within one millisecond goes in the order of an alarm's life.
_LIFE = {"alarm_received": 0, "alarm_acknowledged": 1, "alarm_closed": 2}
COMMAND_ORDER = (commands.c.created_ms, case(_LIFE, value=commands.c.kind, else_=3), commands.c.id)
# Says `due_ms IS NOT NULL` so that SQLite looks it up in the index: all that was ever told is in this table.
_OWED = commands.c.due_ms >= 0
# That the device knows what was decided about its alarm belongs to the alert's history. That it was received
# is told again with every repeat, and `raised` has said it.
_TOLD_KINDS = frozenset({"alarm_acknowledged", "alarm_closed"})
# News of an alarm is sent whatever is known of the device: it is waiting for it.
_NEWS_KINDS = ("alarm_received", "alarm_acknowledged", "alarm_closed")


class OwedCommand(NamedTuple):
    """A command that a device has not been told yet; `attempts` failed so far."""

    command: Command
    attempts: int
    expires_ms: int


def owe_command(
    connection: Connection,
    *,
    id: str,
    device: str,
    kind: CommandKind,
    alarm: str | None = None,
    seq: int | None = None,
    alert: str | None = None,
    details: dict[str, Detail] | None = None,
    at_ms: int,
    ttl_s: float,
    asked_by: str | None = None,
) -> None:
    """Owe `device` a command, to be sent at once and given up `ttl_s` after `at_ms`.

    What is no news of an alarm waits here while the device is away, for a broker may forget it; `asked_by`
    is the login of who wants it told, None: a rule. Owing it again under the same `id` changes nothing,
    whether or not it has been sent since. Wake the routing worker once the transaction is durable.
    """
    body = {"alarm": alarm, "seq": seq, "alert": alert, "details": details or {}}
    owed = {
        "id": id,
        "device": device,
        "kind": kind,
        "body": body,
        "created_ms": at_ms,
        "expires_ms": at_ms + round(ttl_s * 1000),
        "attempts": 0,
        "due_ms": at_ms,
    }
    insert_once(connection, commands, [owed])
    if kind not in _NEWS_KINDS:
        expires_ms = at_ms + round(ttl_s * 1000)
        note_asked(connection, id, device, kind, expires_ms=expires_ms, asked_by=asked_by, alert=alert)


def is_owed(connection: Connection, *, device: str, kind: CommandKind, alarm: str | None, alert: str) -> bool:
    """Tell whether `device` has yet to be told this of its `alarm`."""
    owed = select(commands.c.body).where(_OWED, commands.c.device == device, commands.c.kind == kind)
    waiting = connection.execute(owed).scalars()
    return any(body.get("alarm") == alarm and body.get("alert") == alert for body in waiting)


def command_of(row: Row[tuple[object, ...]]) -> Command:
    """Return the command that a row of `commands` stands for."""
    body = row.body
    return Command(
        id=row.id,
        device=row.device,
        kind=row.kind,
        at_ms=row.created_ms,
        alarm=body.get("alarm"),
        seq=body.get("seq"),
        alert=body.get("alert"),
        details=body.get("details") or {},
        expires_ms=None if row.kind in _NEWS_KINDS else row.expires_ms,
        codec=getattr(row, "codec", None) or "native",
    )


def next_command_ms(connection: Connection, now_ms: int, besides: Collection[str] = ()) -> int | None:
    """Return when the next device may be told something, leaving out the devices in `besides`."""
    looking = {"now_ms": now_ms, "besides": list(besides)}
    due_ms: int | None = connection.execute(_next_due(), looking).scalar()
    return due_ms


def take_due_commands(
    connection: Connection,
    now_ms: int,
    *,
    limit: int,
    besides: Collection[str] = (),
    lease_until_ms: int | None = None,
) -> dict[str, list[OwedCommand]]:
    """Return what to tell at most `limit` devices, per device in the order in which it came up.

    A device whose first command is not due again yet is left out altogether: nothing overtakes. So are
    the devices in `besides`, and those whose first command another worker is taking. With a lease what is
    returned is put off until then, so that no other worker takes it; it needs a writing transaction.
    """
    looking = {"now_ms": now_ms, "besides": list(besides), "most": limit}
    ready = connection.execute(_ready(leasing=lease_until_ms is not None), looking).scalars().all()
    taken: dict[str, list[OwedCommand]] = {}
    if not ready:
        return taken
    for row in connection.execute(_due(), {"now_ms": now_ms, "ready": ready}).all():
        item = OwedCommand(command_of(row), row.attempts, row.expires_ms)
        taken.setdefault(row.device, []).append(item)
    if lease_until_ms is not None:
        renew_commands(
            connection, [item.command.id for items in taken.values() for item in items], lease_until_ms
        )
    return taken


def renew_commands(connection: Connection, ids: Collection[str], lease_until_ms: int) -> None:
    """Keep other workers from commands that this one is still sending."""
    mine = commands.c.id.in_(ids) & _OWED
    connection.execute(update(commands).where(mine).values(due_ms=lease_until_ms))


def record_command_sent(connection: Connection, owed: OwedCommand, now_ms: int) -> bool:
    """Store that the device was told; tell whether the alert's timeline says so, too."""
    command = owed.command
    told = {"of_command": command.id, "now_ms": now_ms, "tried": owed.attempts + 1}
    connection.execute(_told(), told)
    if command.kind == "locate":
        note_sent(connection, command.id)
    if command.kind not in _TOLD_KINDS or command.alert is None:
        return False
    entry = {
        "id": derived_id(command.id, "device_told"),
        "alert": command.alert,
        "at_ms": now_ms,
        "what": "device_told",
        "actor": None,
        "detail": {"device": command.device, "kind": command.kind},
    }
    known = connection.execute(select(alerts.c.id).where(alerts.c.id == command.alert)).first()
    return known is not None and insert_once(connection, timeline, [entry]) > 0


def record_command_delayed(connection: Connection, owed: OwedCommand, due_ms: int) -> None:
    """Store that the device could not be told; this and all that follows it is to be tried at `due_ms`."""
    _set(connection, owed, attempts=owed.attempts + 1)
    following = _OWED & (commands.c.device == owed.command.device)
    connection.execute(update(commands).where(following).values(due_ms=due_ms))


def record_command_given_up(connection: Connection, owed: OwedCommand, now_ms: int) -> None:
    """Store that the device will not be told any more: too late, or it can never be."""
    _set(connection, owed, due_ms=None, attempts=owed.attempts + 1)
    if now_ms < owed.expires_ms:
        note_refused(connection, owed.command.id, now_ms)


# Each statement is built once, at `:now_ms`: to build one takes longer than to run it, and these are run
# after everything that happens.
_NOW: ColumnElement[int] = bindparam("now_ms")


@cache
def _next_due() -> Select[Any]:
    return select(func.min(_heads().subquery().c.due_ms))


@cache
def _ready(*, leasing: bool) -> Select[tuple[str]]:
    """Select the devices that may be told something, one row for each: its first command's."""
    heads = _heads().subquery()
    ready = select(heads.c.id).where(heads.c.due_ms <= _NOW).order_by(heads.c.due_ms)
    # Due once more, of the row itself: another worker may have put it off since `ready` was looked up.
    first = commands.c.id.in_(ready.limit(bindparam("most"))) & (commands.c.due_ms <= _NOW)
    query = select(commands.c.device).where(first)
    # Whoever has the first command of a device has the device: what follows needs no lock, in no order.
    return query.with_for_update(skip_locked=True) if leasing else query


@cache
def _due() -> Select[Any]:
    # All that a device is owed was put off with the first of it, so all of it is due with the first.
    owed = (commands.c.due_ms <= _NOW) & commands.c.device.in_(bindparam("ready", expanding=True)) & ~_waits()
    codec = select(devices.c.codec).where(devices.c.id == commands.c.device).scalar_subquery()
    return select(commands, codec.label("codec")).where(owed).order_by(commands.c.device, *COMMAND_ORDER)


@cache
def _told() -> Update:
    told: dict[str, object] = {"due_ms": None, "sent_ms": bindparam("now_ms"), "attempts": bindparam("tried")}
    return update(commands).where(commands.c.id == bindparam("of_command")).values(told)


def _waits() -> ColumnElement[bool]:
    """Return the condition that a command is kept back: its device is away, it is no news of an alarm.

    Away is what said so itself or had its last will sent. What expires meanwhile is taken up and given up.
    """
    same = device_states.c.device == commands.c.device
    away = exists().where(same, device_states.c.online.is_(False))
    return and_(commands.c.expires_ms > _NOW, commands.c.kind.not_in(_NEWS_KINDS), away)


def _heads() -> Select[tuple[str, int]]:
    """Select each device's first command that it can be told, and when it is due; not for `:besides`."""
    place = func.row_number().over(partition_by=commands.c.device, order_by=COMMAND_ORDER)
    owed = _OWED & commands.c.device.not_in(bindparam("besides", expanding=True)) & ~_waits()
    ranked = select(commands.c.id, commands.c.due_ms, place.label("place")).where(owed).subquery()
    return select(ranked.c.id, ranked.c.due_ms).where(ranked.c.place == 1)


def _set(connection: Connection, owed: OwedCommand, **values: object) -> None:
    connection.execute(update(commands).where(commands.c.id == owed.command.id).values(values))
