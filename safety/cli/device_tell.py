"""`vigil device tell` and `told`: what a device is told, and what became of it."""

import re
from typing import Annotated, Any, Literal

import typer

from devices.rfc3339 import rfc3339
from safety.cli.common import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    Failure,
    reading,
    show_added,
    show_list,
    writing,
)
from safety.cli.device import DeviceId
from safety.domain.durations import parse_duration_s

_SHOWN = ("id", "kind", "state", "created_at", "expires_at", "asked_by", "details")
_OWN = "own"


def register(app: typer.Typer) -> None:
    """Add the commands to `vigil device`."""
    app.command()(tell)
    app.command()(told)


def tell(
    device: DeviceId,
    kind: Annotated[Literal["locate", "message", "configure", "resend"], typer.Argument(help="What.")],
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="[VALUE]",
            help="message: what she is to read. configure: fix_every=10s, or fix_every=own. "
            "resend: the numbers of the reports, e.g. 118-240.",
            show_default=False,
        ),
    ] = None,
    lasts: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="How long it is worth telling, e.g. 5m.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Have a device told something; while it is away it is kept for it.

    \b
    vigil device tell DEVICE locate
    vigil device tell DEVICE message "please call the centre"
    vigil device tell DEVICE configure fix_every=10s
    vigil device tell DEVICE resend 118-240
    """
    from safety.store.requests import ask_device

    ttl_s = parse_duration_s(lasts) if lasts is not None else None
    given = _given(kind, value)
    with writing(data_dir) as desk:
        command = ask_device(desk.connection, device, kind, given, ttl_s=ttl_s, **desk.by)
    added = {"id": command, "device": device, "kind": kind, "state": "queued"}
    show_added(added, as_json, f"queued {kind} for {device}")


def told(device: DeviceId, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show what a device was told of late or is to be told, newest first, and what became of it."""
    from safety.store.deliveries import list_deliveries, state_of
    from safety.store.fleet import find_device
    from safety.store.queries import Page, Scope

    with reading(data_dir) as desk:
        scope = Scope(find_device(desk.connection, device).org)
        rows = list_deliveries(desk.connection, scope, device, Page()).rows
        items = [_shown(row, state_of(row, desk.now_ms)) for row in rows]
    show_list(items, _SHOWN, as_json)


def _shown(row: Any, state: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "state": state,
        "created_at": rfc3339(row.created_ms),
        "expires_at": rfc3339(row.expires_ms),
        "answered_at": rfc3339(row.answered_ms) if row.answered_ms is not None else None,
        "asked_by": row.asked_by,
        "details": row.body.get("details") or None,
    }


def _given(kind: str, value: str | None) -> dict[str, Any]:
    """Return what was typed as the fields of a command.

    Raises:
        Failure: it cannot be read.
        InvalidInput: a length of time cannot.
    """
    if kind == "message":
        return {"text": value}
    if kind == "configure":
        name, _, every = (value or "").partition("=")
        if name not in {"fix_every", "fix_every_s"} or not every:
            raise Failure(
                f"configure {value or ''!r} cannot be read: expected fix_every=10s or fix_every={_OWN}"
            )
        if every == _OWN:
            return {"fix_every_s": None}
        return {"fix_every_s": parse_duration_s(every if every[-1].isalpha() else f"{every}s")}
    if kind == "resend":
        numbers = re.fullmatch(r"(\d{1,15})-(\d{1,15})", value or "")
        if numbers is None:
            raise Failure(f"resend {value or ''!r} cannot be read: expected numbers of reports, e.g. 118-240")
        return {"first_seq": int(numbers[1]), "last_seq": int(numbers[2])}
    if value is not None:
        raise Failure(f"locate takes no value, but there is {value[:40]!r}")
    return {}
