"""`vigil backup`: a copy to start from again, made while the service runs."""

from pathlib import Path
from typing import Annotated

import typer

from safety.cli.common import DEFAULT_DATA_DIR, DataDir, private_files


def register(app: typer.Typer, panel: str) -> None:
    """Put the command on `app`."""
    app.command(rich_help_panel=panel)(backup)


def backup(
    out: Annotated[Path, typer.Argument(file_okay=False, metavar="DIR", help="A new directory for it.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Copy the data directory while the service runs, whole and of one moment.

    To restore, stop Vigil and put the copy in the data directory's place.
    """
    from safety.backup import backup as copy
    from safety.config import load_settings

    with private_files():
        for said in copy(data_dir, load_settings(data_dir), out):
            typer.echo(said)
    typer.echo(f"{out} is whole")
