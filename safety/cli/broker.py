"""`vigil broker`: an outside broker, held to the rules of the registry."""

from pathlib import Path
from typing import Annotated

import typer

from safety.cli.common import DEFAULT_DATA_DIR, DataDir

app = typer.Typer(no_args_is_help=True, help="An outside Mosquitto, held to the rules of the registry.")


@app.callback()
def broker() -> None:
    """An outside Mosquitto, held to the rules of the registry."""


@app.command()
def sync(
    out: Annotated[
        Path, typer.Option(file_okay=False, metavar="DIR", help="Where the broker reads its files.")
    ],
    reload: Annotated[bool, typer.Option("--reload", help="Tell the broker when a file is new.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and write within a second what changes.")
    ] = False,
    pid_file: Annotated[
        Path | None,
        typer.Option(dir_okay=False, metavar="FILE", help="The broker's pid_file; DIR/mosquitto.pid."),
    ] = None,
    reload_file: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            metavar="FILE",
            help="Ask for that through FILE: who takes it away tells the broker.",
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(dir_okay=False, metavar="FILE", help="The broker's log: report what it denies."),
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Write password, ACL and certificate files for Mosquitto from the registry.

    With broker_url set, Vigil's own login is among them, and sessions of revoked devices are ended.
    """
    import asyncio

    from safety.broker_sync import BrokerSync
    from safety.cli.common import open_store
    from safety.config import load_settings

    settings = load_settings(data_dir)
    pid = (pid_file or out / "mosquitto.pid") if reload else None
    with open_store(data_dir) as database:
        syncing = BrokerSync(database, settings, data_dir, out, pid, log, typer.echo, reload_file=reload_file)
        asyncio.run(syncing.watch() if watch else syncing.once())
