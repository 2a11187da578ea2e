"""The outbox of commands: what devices have yet to be told, in the order in which it came up."""

from sqlalchemy import Connection, Row

from devices.commands import Command, CommandKind
from safety.store.once import insert_once
from safety.store.tables import commands

Detail = str | int | float | bool | None


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
) -> None:
    """Owe `device` a command, to be sent at once and given up `ttl_s` after `at_ms`.

    Owing it again under the same `id` changes nothing, whether or not it has been sent since. Wake the
    routing worker once the transaction is durable.
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
    )
