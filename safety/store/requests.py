"""Requests: what people have a device told; each is checked, owed and on the audit trail."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from devices.identity import new_id
from safety.domain.asking import HEARING_CODECS, checked_details, checked_ttl_s
from safety.errors import InvalidInput
from safety.store.audit import append_audit
from safety.store.fleet import find_device
from safety.store.outbox import owe_command


def ask_device(
    connection: Connection,
    device: str,
    kind: str,
    given: Mapping[str, Any],
    *,
    ttl_s: float | None = None,
    actor: str,
    at_ms: int,
) -> str:
    """Owe `device` a command of `kind` with what was `given` for it, and return the command's id.

    Wake the routing worker once the transaction is durable.

    Raises:
        InvalidInput: a value cannot be taken, or the device hears nothing.
        UnknownDevice: there is no such device.
    """
    known = find_device(connection, device)
    details = checked_details(kind, given)
    lasts_s = checked_ttl_s(kind, ttl_s)
    if known.revoked:
        raise InvalidInput(f"device {device} was revoked: it is told nothing")
    if known.codec not in HEARING_CODECS:
        raise InvalidInput(f"device {device} speaks {known.codec}, a dialect in which it can be told nothing")
    command = new_id("cmd")
    owe_command(
        connection,
        id=command,
        device=device,
        kind=kind,  # type: ignore[arg-type]  # one of those that `checked_details` takes
        details=details,
        at_ms=at_ms,
        ttl_s=lasts_s,
        asked_by=actor,
    )
    # Not what was written: it is hers to read, and the trail's readers are others.
    shown = {name: value for name, value in details.items() if name != "words"}
    append_audit(
        connection,
        actor=actor,
        org=known.org,
        action=f"device_{kind}",
        subject=device,
        detail={"command": command, "nurse": known.nurse, **shown},
        at_ms=at_ms,
    )
    return command
