"""`vigil replay`: does the engine still say what it said?"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from devices.clock import SystemClock
from safety.cli.common import DEFAULT_DATA_DIR, DataDir, Failure, now_ms, reading
from safety.cli.options import moment_ms

if TYPE_CHECKING:
    from ingest.log.kafka import KafkaEventLog
    from ingest.log.sqlite_view import SqliteLogView
    from safety.replay import Span
    from safety.rules.effects import RaiseAlert

_TELL_EVERY = 100_000
_SHOWN = 20
_SETTLED_MS = 2_000
"""What came in a moment ago may not be stored yet in a service that is running."""


def register(app: typer.Typer, panel: str) -> None:
    """Put the command on `app`."""
    app.command(rich_help_panel=panel)(replay)


def replay(
    start: Annotated[
        str, typer.Option("--from", metavar="T", help="Compare alerts received since, e.g. -1h.")
    ],
    end: Annotated[str, typer.Option("--to", metavar="T", help="… and before.")] = "now",
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Run the engine over the stored log and compare with what was raised then; exits 0 only if identical.

    The log is read from its oldest entry, whatever --from says: the state of that time comes from there.

    Compared is what each alert was raised with, doubts and position too, and not what people and routing did
    about it. Of an alert that others joined, the position is that of the last one, as its timeline says.
    """
    from safety.replay import Span, compare

    at_ms = now_ms()
    from_ms, to_ms = moment_ms(start, at_ms, "--from"), moment_ms(end, at_ms, "--to")
    if from_ms > to_ms:
        raise typer.BadParameter("it is after --to", param_hint="--from")
    span = Span(from_ms, min(to_ms, at_ms - _SETTLED_MS))
    entries, raised = asyncio.run(_run(data_dir, span))
    with reading(data_dir) as desk:
        differences = compare(desk.connection, raised, span)
    typer.echo(f"{entries} entries replayed, {len(raised)} alerts compared")
    for difference in differences[:_SHOWN]:
        typer.echo(difference)
    if differences:
        raise Failure(f"{len(differences)} differences: the engine does not say what it said then")
    typer.echo("identical")


async def _run(data_dir: Path, span: "Span") -> tuple[int, dict[str, "RaiseAlert"]]:
    from safety.replay import replay as run

    log = await _opened(data_dir)
    told_at = 0

    def told(entries: int) -> None:
        nonlocal told_at
        if entries >= told_at + _TELL_EVERY:
            told_at = entries
            typer.echo(f"{entries} entries", err=True)

    try:
        return await run(log, span, told)
    finally:
        await log.close()


async def _opened(data_dir: Path) -> "KafkaEventLog | SqliteLogView":
    """Open the log that the settings in `data_dir` name, to read it beside whoever writes.

    Raises:
        Failure: there is none yet.
    """
    from ingest.log.kafka import KafkaEventLog
    from ingest.log.kafka_servers import KafkaServers
    from ingest.log.sqlite_view import SqliteLogView
    from safety.config import load_settings
    from safety.parts.logs import log_directory

    settings = load_settings(data_dir)
    if settings.kafka_url is None:
        directory = log_directory(data_dir)
        if not directory.is_dir():
            raise Failure(f"there is no event log in {data_dir} yet: no service has run there")
        return SqliteLogView(directory, SystemClock())
    return await KafkaEventLog.open(
        KafkaServers.parse(settings.kafka_url, settings.kafka_prefix), SystemClock()
    )
