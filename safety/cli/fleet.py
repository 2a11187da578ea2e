"""`vigil device`, for many at once and over time: tables, history, the board, and tests."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from safety.cli.common import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    Desk,
    Failure,
    reading,
    show_json,
    show_list,
    writing,
)
from safety.cli.enrolment import reach_of
from safety.cli.files import read_given
from safety.cli.options import OptionalOrg, duration_s, only_of

if TYPE_CHECKING:
    from safety.store.queries import Scope

DeviceId = Annotated[str, typer.Argument(metavar="ID", help="The device.")]


def register(app: typer.Typer) -> None:
    """Put the commands on `vigil device`."""
    app.command("import")(import_)
    app.command()(history)
    app.command()(board)
    app.command("test")(plan)
    app.command()(untested)


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            metavar="FILE.csv",
            help="A table with the columns kind, nurse (id or name), codec and external_id.",
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell every fault of the table, and add nothing.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, metavar="FILE", help="Write the secrets to this new file; else they are printed."
        ),
    ] = None,
    org: OptionalOrg = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Add the devices of a table: all of them, or none if the table has a fault.

    Their secrets are shown only now: as CSV, or in a file that only you may read.
    """
    from safety.cli.secrets_file import as_csv, write_secrets
    from safety.domain.device_import import decode_table
    from safety.store.device_import import check_table, import_devices

    text = decode_table(read_given(file))
    with writing(data_dir) as desk:
        scope = _scope(desk, org)
        orgs = None if scope is None else scope.orgs(desk.connection)
        table = check_table(desk.connection, text, orgs)
        faults = [msgspec.to_builtins(each) for each in table.faults]
        if as_json and (dry_run or faults):
            show_json({"rows": len(table.rows), "faults": faults})
        elif faults:
            for each in table.faults:
                typer.echo(each)
        if faults:
            counted = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
            raise Failure(f"{file} has {counted}: nothing was imported")
        if dry_run:
            if not as_json:
                typer.echo(f"{len(table.rows)} devices and no fault: they would be added")
            return
        secrets = as_csv(import_devices(desk.connection, table, **desk.by), reach_of(data_dir))
        if out is not None:
            # Before the devices are there for good: a secret that was lost could only be rotated.
            write_secrets(out, secrets)
    if as_json:
        show_json({"rows": len(table.rows), "faults": [], "secrets": str(out) if out else secrets})
    elif out is None:
        typer.echo(secrets, nl=False)
    else:
        typer.echo(f"{len(table.rows)} devices were added; their secrets are in {out}")


def history(device: DeviceId, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show who had a device, newest first."""
    from safety.store.bindings import read_bindings
    from safety.store.fleet import find_device

    with reading(data_dir) as desk:
        find_device(desk.connection, device)
        rows = [_binding(row) for row in read_bindings(desk.connection, device)]
    show_list(
        rows, ("from", "to", "nurse", "nurse_name", "org", "given_by", "ended_by", "ended_how"), as_json
    )


def board(org: OptionalOrg = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show the devices worth worrying about, worst first, and why."""
    from safety.store.device_board import worrying_devices

    with reading(data_dir) as desk:
        scope = _scope(desk, org)
        found = worrying_devices(desk.connection, scope, desk.now_ms)
    rows = [
        {
            "id": one.device.id,
            "kind": one.device.kind,
            "nurse": one.device.nurse,
            "urgency": one.worries[0].urgency,
            "reasons": [worry.reason for worry in one.worries],
            "last_heard_at": _time(one.device.heard_ms),
        }
        for one in found
    ]
    show_list(rows, ("id", "kind", "nurse", "urgency", "reasons", "last_heard_at"), as_json)


def plan(
    device: DeviceId,
    within: Annotated[
        str, typer.Option(metavar="DURATION", help="How long its next alarm counts as a test, at most 1h.")
    ] = "10m",
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Plan a test: the next alarm of the device is one, though it cannot say so itself.

    Only the first alarm in that time: a second one is real, and so is one that was pressed before.
    """
    from safety.store.planned_tests import plan_test

    within_s = duration_s(within, "--within")
    with writing(data_dir) as desk:
        until_ms = plan_test(desk.connection, device, within_s, **desk.by)
    if as_json:
        show_json({"id": device, "test_until": _time(until_ms)})
    else:
        typer.echo(f"the next alarm of {device} until {_time(until_ms)} is a test and pages nobody;")
        typer.echo("a second one is real")


def untested(
    days: Annotated[float, typer.Option(min=0, metavar="N", help="For how many days.")] = 30,
    org: OptionalOrg = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Show the devices that had no test alarm for so long, those never tested first."""
    from safety.store.device_board import untested_devices

    with reading(data_dir) as desk:
        scope = _scope(desk, org)
        found = untested_devices(desk.connection, scope, desk.now_ms, days)
    rows = [
        {
            "id": row.id,
            "kind": row.kind,
            "nurse": row.nurse,
            "org": row.org,
            "last_tested_at": _time(row.tested_ms),
            "last_heard_at": _time(row.heard_ms),
        }
        for row in found
    ]
    show_list(rows, ("id", "kind", "nurse", "org", "last_tested_at", "last_heard_at"), as_json)


def _scope(desk: Desk, org: str | None) -> "Scope | None":
    from safety.store.queries import Scope

    only = only_of(desk, org)
    return None if only is None else Scope(*only)


def _binding(row: Any) -> dict[str, Any]:
    return {
        "from": _time(row.from_ms),
        "to": _time(row.to_ms),
        "nurse": row.nurse,
        "nurse_name": row.nurse_name,
        "org": row.org,
        "given_by": row.given_by,
        "ended_by": row.ended_by,
        "ended_how": row.ended_how,
    }


def _time(at_ms: int | None) -> str | None:
    from devices.rfc3339 import rfc3339

    return None if at_ms is None else rfc3339(at_ms)
