"""`vigil responder`: who is told of alerts."""

from typing import Annotated

import typer

from safety.cli.common import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    reading,
    show_added,
    show_list,
    shown,
    writing,
)
from safety.cli.options import OptionalOrg, OrgId, latitude, longitude, only_of

app = typer.Typer(no_args_is_help=True, help="Responders: who is told of alerts, and where.")


@app.command()
def add(
    org: OrgId,
    name: Annotated[str, typer.Option(help="A person or a post.")],
    channel: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Where to tell: a webhook's URL. Repeatable; without one, log:, a line in the log.",
        ),
    ] = None,
    lat: Annotated[
        float | None, typer.Option(callback=latitude, metavar="DEGREES", help="Where they wait, WGS-84.")
    ] = None,
    lon: Annotated[
        float | None, typer.Option(callback=longitude, metavar="DEGREES", help="The same, longitude.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Add a responder and print the id."""
    from safety.store.responders import add_responder, find_responder

    with writing(data_dir) as desk:
        identity = add_responder(
            desk.connection, org=org, name=name, channels=channel or (), lat=lat, lon=lon, **desk.by
        )
        responder = find_responder(desk.connection, identity)
    show_added(shown(responder), as_json, f"added responder {responder.name}")


@app.command("list")
def list_(org: OptionalOrg = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show the responders."""
    from safety.store.responders import list_responders

    with reading(data_dir) as desk:
        responders = [shown(one) for one in list_responders(desk.connection, orgs=only_of(desk, org))]
    show_list(responders, ("id", "name", "channels", "org"), as_json)
