"""`vigil visit`: planned visits."""

from typing import Annotated, Literal

import typer

from safety.cli.common import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    now_ms,
    reading,
    show_added,
    show_list,
    shown,
    writing,
)
from safety.cli.limits import SetLimits, UnsetLimits, read_changes, show_limits
from safety.cli.options import Latitude, Longitude, NurseId, OptionalOrg, duration_s, moment_ms, only_of

app = typer.Typer(no_args_is_help=True, help="Visits: where a nurse is expected, and when.")


@app.command()
def add(
    nurse: NurseId,
    lat: Latitude,
    lon: Longitude,
    start: Annotated[str, typer.Option(metavar="TIME", help="2026-11-22T09:00:00+08:00, now, +1h or -10m.")],
    end: Annotated[str, typer.Option(metavar="TIME", help="The same; must come after the start.")],
    radius_m: Annotated[float, typer.Option("--radius-m", help="How far she may go, metres.")] = 150.0,
    check_in_every: Annotated[
        str | None, typer.Option(metavar="TIME", help="How often she must check in: 30m, 1h.")
    ] = None,
    patient: Annotated[str | None, typer.Option(help="Whom she visits.")] = None,
    risk: Annotated[Literal["low", "high"], typer.Option(help="How dangerous it may get.")] = "low",
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Plan a visit and print its id."""
    from safety.store.visits import add_visit, find_visit

    entered_ms = now_ms()
    starts_ms = moment_ms(start, entered_ms, "--start")
    ends_ms = moment_ms(end, entered_ms, "--end")
    every_s = None if check_in_every is None else duration_s(check_in_every, "--check-in-every")
    with writing(data_dir) as desk:
        identity = add_visit(
            desk.connection,
            nurse=nurse,
            lat=lat,
            lon=lon,
            starts_ms=starts_ms,
            ends_ms=ends_ms,
            radius_m=radius_m,
            check_in_every_s=every_s,
            patient=patient,
            risk=risk,
            **desk.by,
        )
        visit = shown(find_visit(desk.connection, identity))
    show_added(visit, as_json, f"planned a visit of {nurse}, {visit['starts_at']} to {visit['ends_at']}")


@app.command("list")
def list_(
    org: OptionalOrg = None,
    nurse: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this nurse.")] = None,
    past: Annotated[bool, typer.Option("--past", help="Also those that are over or cancelled.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Show the visits that are neither over nor cancelled."""
    from safety.store.nurses import find_nurse
    from safety.store.visits import list_visits

    with reading(data_dir) as desk:
        if nurse is not None:
            find_nurse(desk.connection, nurse)
        found = list_visits(
            desk.connection,
            orgs=only_of(desk, org),
            nurse=nurse,
            ends_after_ms=None if past else desk.now_ms,
        )
        visits = [shown(visit) for visit in found]
    show_list(visits, ("id", "nurse", "starts_at", "ends_at", "risk", "patient"), as_json)


@app.command()
def cancel(
    visit: Annotated[str, typer.Argument(metavar="ID", help="Which visit.")],
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Cancel a visit: nobody is awaited there any more. What was raised for it stays open."""
    from safety.store.visits import update_visit

    with writing(data_dir) as desk:
        cancelled = shown(update_visit(desk.connection, visit, {"cancelled": True}, **desk.by))
    show_added(cancelled, as_json, f"cancelled the visit of {cancelled['nurse']}")


@app.command()
def limits(
    visit: Annotated[str, typer.Option("--visit", metavar="ID", help="Whose limits.")],
    changes: SetLimits = None,
    unset: UnsetLimits = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Show what the rules go by during one visit, after setting what is asked."""
    from safety.domain.limits import described
    from safety.store.limits import limits_during, limits_of_visits, set_visit_limits

    wanted = read_changes(changes)
    if wanted or unset:
        with writing(data_dir) as desk:
            set_visit_limits(desk.connection, visit, wanted, unset or (), **desk.by)
    with reading(data_dir) as desk:
        in_force = limits_during(desk.connection, visit)
        own = limits_of_visits(desk.connection, [visit]).get(visit, {})
    show_limits(described(in_force, own), as_json)
