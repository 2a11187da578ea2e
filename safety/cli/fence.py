"""`vigil fence`: the fences of an organisation, and of single visits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from safety.cli.common import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    Failure,
    reading,
    show_json,
    show_list,
    shown,
    writing,
)
from safety.cli.files import read_given
from safety.cli.limits import SetLimits, UnsetLimits, read_changes, show_limits
from safety.cli.options import OptionalOrg, OrgId, only_of
from safety.errors import InvalidInput

if TYPE_CHECKING:
    from safety.store.fences import Fence

app = typer.Typer(no_args_is_help=True, help="Fences: areas to stay in or keep out of.")


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.geojson", exists=True, dir_okay=False, help="GeoJSON.")
    ],
    org: OrgId,
    mode: Annotated[
        Literal["stay_in", "keep_out"] | None,
        typer.Option(help="Of all of them; else each feature's own property mode, else stay_in."),
    ] = None,
    datum: Annotated[
        Literal["wgs84", "gcj02"], typer.Option(help="What the coordinates are in; stored as WGS-84.")
    ] = "wgs84",
    radius_m: Annotated[
        float | None,
        typer.Option("--radius-m", help="Of all points, metres; else each one's own property radius_m."),
    ] = None,
    width_m: Annotated[
        float | None,
        typer.Option(
            "--width-m", help="Of all lines, from side to side, metres; else each one's own property width_m."
        ),
    ] = None,
    visit: Annotated[
        str | None, typer.Option(metavar="ID", help="They count during this visit only, beside its circle.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be, and say what; else refuse the file.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Import every fence of a GeoJSON file, or none if one is wrong; prints their ids.

    A feature's properties may also hold its hours, as {"schedule": {"days": "mon-fri", "from": "08:00", "to":
    "18:00", "zone": "Asia/Shanghai"}}, and its limits: buffer_m, accuracy_cap_m, dwell_s, min_fixes.
    """
    from safety.domain.fence_import import parse_fences
    from safety.store.fences import find_fence, import_fences, known_places

    with writing(data_dir) as desk:
        try:
            drafts = parse_fences(
                read_given(file),
                mode=mode,
                datum=datum,
                radius_m=radius_m,
                width_m=width_m,
                name=file.stem,
                repair=repair,
                near=known_places(desk.connection, org),
            )
        except InvalidInput as error:
            raise Failure(f"{file}: {error}") from error
        ids = import_fences(desk.connection, org=org, drafts=drafts, visit=visit, **desk.by)
        fences = [_shown(find_fence(desk.connection, fence)) for fence in ids]
    repairs = [f"feature {index}, {what}" for index, draft in enumerate(drafts) for what in draft.repairs]
    if as_json:
        show_json({"fences": fences, "repairs": repairs})
        return
    for what in repairs:
        typer.echo(f"repaired {what}", err=True)
    typer.echo(f"imported {len(ids)} fence{'' if len(ids) == 1 else 's'}")
    for fence in ids:
        typer.echo(fence)


@app.command()
def remove(
    fence: Annotated[str, typer.Argument(metavar="ID", help="The fence.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Take a fence away."""
    from safety.store.fences import remove_fence

    with writing(data_dir) as desk:
        remove_fence(desk.connection, fence, **desk.by)
    typer.echo(f"removed {fence}")


@app.command()
def limits(
    fence: Annotated[str, typer.Option("--fence", metavar="ID", help="Whose limits.")],
    changes: SetLimits = None,
    unset: UnsetLimits = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Show when she counts as outside or inside of a fence, after setting what is asked."""
    from safety.domain.fence_limits import changed_fence_limits, described_fence_limits
    from safety.store.fences import find_fence, update_fence

    wanted = {**read_changes(changes, of_fence=True), **dict.fromkeys(unset or ())}
    if wanted:
        with writing(data_dir) as desk:
            known = find_fence(desk.connection, fence).limits
            update_fence(desk.connection, fence, {"limits": changed_fence_limits(known, wanted)}, **desk.by)
    with reading(data_dir) as desk:
        in_force = changed_fence_limits(find_fence(desk.connection, fence).limits, {})
    show_limits(described_fence_limits(in_force), as_json)


@app.command("list")
def list_(org: OptionalOrg = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show the fences."""
    from safety.store.fences import list_fences

    with reading(data_dir) as desk:
        fences = [_shown(fence) for fence in list_fences(desk.connection, orgs=only_of(desk, org))]
    show_list(fences, ("id", "name", "mode", "org", "visit"), as_json)


def _shown(fence: "Fence") -> dict[str, Any]:
    """Return a fence with its hours as a file has them."""
    import msgspec

    from safety.domain.schedule import Schedule, written

    hours = None if fence.schedule is None else written(msgspec.convert(fence.schedule, Schedule))
    return {**shown(fence), "schedule": hours, "limits": fence.limits or {}}
