"""`vigil fence`: the shared fences of an organisation."""

from pathlib import Path
from typing import Annotated, Literal

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
from safety.cli.options import OptionalOrg, OrgId
from safety.errors import InvalidInput

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
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Import every fence of a GeoJSON file, or none if one is wrong; prints their ids."""
    from safety.domain.fence_import import parse_fences
    from safety.store.fences import find_fence, import_fences

    try:
        drafts = parse_fences(file.read_bytes(), mode=mode, datum=datum, radius_m=radius_m, name=file.stem)
    except InvalidInput as error:
        raise Failure(f"{file}: {error}") from error
    with writing(data_dir) as desk:
        ids = import_fences(desk.connection, org=org, drafts=drafts, **desk.by)
        fences = [shown(find_fence(desk.connection, fence)) for fence in ids]
    if as_json:
        show_json({"fences": fences})
        return
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


@app.command("list")
def list_(org: OptionalOrg = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show the fences."""
    from safety.store.fences import list_fences

    with reading(data_dir) as desk:
        fences = [shown(fence) for fence in list_fences(desk.connection, orgs=[org] if org else None)]
    show_list(fences, ("id", "name", "mode", "org"), as_json)
