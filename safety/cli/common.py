"""What commands share: the data directory, the store, and how results are shown."""

import json
import os
import pwd
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypedDict

import typer

from devices.clock import SystemClock
from devices.rfc3339 import rfc3339
from safety.errors import SafetyError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from safety.store.database import Database

DEFAULT_DATA_DIR = Path("vigil-data")


class Failure(SafetyError):
    """A command cannot do what was asked; the message is the one line that is shown."""


def _resolve_data_dir(context: typer.Context, value: Path) -> Path:
    # `vigil --data-dir D org add` and `vigil org add --data-dir D` mean the same; the nearer one wins.
    root = context.find_root()
    if context is root or _typed(context) or not _typed(root):
        return value
    return Path(root.params["data_dir"])


def _typed(context: Any) -> bool:
    source = context.get_parameter_source("data_dir")
    return source is not None and source.name == "COMMANDLINE"


def _directory(text: str | Path) -> Path:
    if text == "":
        raise typer.BadParameter("it is empty: expected a directory")
    if Path(text).is_file():
        raise typer.BadParameter(f"directory {str(text)!r} is a file")
    return Path(text)


DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        envvar="VIGIL_DATA_DIR",
        show_envvar=False,
        callback=_resolve_data_dir,
        parser=_directory,
        show_default=False,
        help="Where everything is kept; ./vigil-data unless said, made if need be.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


class Signature(TypedDict):
    """Who does something, and when (epoch ms): what every change of the store is recorded with."""

    actor: str
    at_ms: int


class Desk(NamedTuple):
    """What a command has before it: a transaction, and the signature under what it changes."""

    connection: "Connection"
    by: Signature

    @property
    def now_ms(self) -> int:
        """When the command began, epoch ms."""
        return self.by["at_ms"]


def now_ms() -> int:
    """Return the time as UTC epoch milliseconds."""
    return SystemClock().now_ms()


def prepare_data_dir(data_dir: Path) -> Path:
    """Make the data directory, for its owner's eyes only, where it is not there yet.

    Raises:
        Failure: it cannot be made.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"data directory {data_dir} cannot be made: {error.strerror}") from error
    return data_dir


@contextmanager
def private_files() -> Iterator[None]:
    """A time in which whatever this process makes is for its owner's eyes only, wherever that is."""
    usual = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(usual)


@contextmanager
def open_store(data_dir: Path) -> Iterator["Database"]:
    """Open the store that the settings in `data_dir` name, created or migrated where needed.

    Raises:
        StoreUnusable: it cannot be opened, read or written.
    """
    from safety.config import load_settings
    from safety.store.database import Database, database_url
    from safety.store.migrate import migrate

    settings = load_settings(prepare_data_dir(data_dir))
    database = Database(database_url(data_dir, settings.database_url))
    try:
        with database.opening():
            with private_files():
                migrate(database.engine)
            yield database
    finally:
        database.close()


@contextmanager
def writing(data_dir: Path) -> Iterator[Desk]:
    """A transaction that changes the store, whether or not the service runs; all of it or nothing."""
    with open_store(data_dir) as database, database.writing() as connection:
        yield Desk(connection, Signature(actor=f"cli:{_operator()}", at_ms=now_ms()))


@contextmanager
def reading(data_dir: Path) -> Iterator[Desk]:
    """A transaction that only reads the store."""
    with open_store(data_dir) as database, database.reading() as connection:
        yield Desk(connection, Signature(actor=f"cli:{_operator()}", at_ms=now_ms()))


def _operator() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        return "operator"


def shown(thing: object) -> dict[str, Any]:
    """Return a struct of the store as people and scripts see it: `starts_ms` becomes `starts_at`."""
    import msgspec

    return {
        f"{key.removesuffix('_ms')}_at" if key.endswith("_ms") else key: (
            rfc3339(value) if key.endswith("_ms") and value is not None else value
        )
        for key, value in msgspec.to_builtins(thing).items()
    }


def show_added(thing: Mapping[str, Any], as_json: bool, *lines: str) -> None:
    """Tell what was added: `lines`, then its id as the last line; or the whole thing as JSON."""
    if as_json:
        show_json(thing)
        return
    for line in lines:
        typer.echo(line)
    typer.echo(thing["id"])


def show_list(things: Iterable[Mapping[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    """Show `things` as a table of `columns`, or all of them as `{"items": […]}`."""
    rows = list(things)
    if as_json:
        show_json({"items": rows})
        return
    show_table([columns, *([_cell(row.get(column)) for column in columns] for row in rows)])


def show_table(table: Iterable[Iterable[str]]) -> None:
    """Print rows of text in columns, the first row being the head."""
    rows = [list(row) for row in table]
    widths = [max(_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def show_json(thing: object) -> None:
    """Print one line of JSON."""
    typer.echo(json.dumps(thing, ensure_ascii=False))


def _width(text: str) -> int:
    # Chinese characters take two columns of a terminal.
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _cell(value: object) -> str:
    if value is None or value is False:
        return "-"
    if value is True:
        return "yes"
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    return str(value)
