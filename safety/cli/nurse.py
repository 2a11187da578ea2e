"""`vigil nurse`: the nurses."""

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
from safety.cli.options import OptionalOrg, OrgId, only_of

app = typer.Typer(no_args_is_help=True, help="Nurses: the people to keep safe.")


@app.command()
def add(
    org: OrgId,
    name: Annotated[str, typer.Option(help="Her name.")],
    phone: Annotated[str | None, typer.Option(help="Where she can be called.")] = None,
    pin: Annotated[str | None, typer.Option(help="4 to 12 digits she checks in with.")] = None,
    duress_pin: Annotated[
        str | None, typer.Option(help="Digits she checks in with under threat: a silent alarm.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Add a nurse and print her id."""
    from safety.store.nurses import add_nurse, find_nurse

    with writing(data_dir) as desk:
        identity = add_nurse(
            desk.connection, org=org, name=name, phone=phone, pin=pin, duress_pin=duress_pin, **desk.by
        )
        nurse = find_nurse(desk.connection, identity)
    show_added(shown(nurse), as_json, f"added nurse {nurse.name}")


@app.command("list")
def list_(org: OptionalOrg = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show the nurses."""
    from safety.store.nurses import list_nurses

    with reading(data_dir) as desk:
        nurses = [shown(nurse) for nurse in list_nurses(desk.connection, orgs=only_of(desk, org))]
    show_list(nurses, ("id", "name", "phone", "org"), as_json)
