"""`vigil org`: organisations."""

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
from safety.cli.limits import SetLimits, UnsetLimits, read_changes, show_limits

app = typer.Typer(no_args_is_help=True, help="Organisations: who belongs together.")


@app.command()
def add(
    name: Annotated[str, typer.Option(help="What it is called.")],
    parent: Annotated[str | None, typer.Option(metavar="ID", help="The organisation above it.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Add an organisation and print its id."""
    from safety.store.orgs import add_org, find_org

    with writing(data_dir) as desk:
        identity = add_org(desk.connection, name=name, parent=parent, **desk.by)
        org = find_org(desk.connection, identity)
    show_added(shown(org), as_json, f"added organisation {org.name}")


@app.command("list")
def list_(as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show the organisations."""
    from safety.store.orgs import list_orgs

    with reading(data_dir) as desk:
        orgs = [shown(org) for org in list_orgs(desk.connection)]
    show_list(orgs, ("id", "name", "parent"), as_json)


@app.command()
def limits(
    org: Annotated[str, typer.Option("--org", metavar="ID", help="Whose limits.")],
    changes: SetLimits = None,
    unset: UnsetLimits = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Show what the rules go by in an organisation and in those below it, after setting what is asked."""
    from safety.domain.limits import described
    from safety.store.limits import limits_of_org, limits_of_visits, set_org_limits

    wanted = read_changes(changes)
    if wanted or unset:
        with writing(data_dir) as desk:
            set_org_limits(desk.connection, org, wanted, unset or (), **desk.by)
    with reading(data_dir) as desk:
        in_force = limits_of_org(desk.connection, org)
        own = limits_of_visits(desk.connection, [org]).get(org, {})
    show_limits(described(in_force, own), as_json)
