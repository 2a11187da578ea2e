"""`vigil bench store`: a week of 10,000 nurses in the store, and how long the console's questions take.

The page's questions go through the API in this process, with the session of somebody who sees all of it;
the floor of each is the cheapest question that needs a session, asked in turn with it. What this process
itself works for a question is told as well: on a machine that others use it says more. With
`VIGIL_DATABASE_URL` the week is put into a database of its own on that server, which is removed at the end;
without it into a file in the directory for temporary files. Nothing else uses the store meanwhile.
"""

import asyncio
import gc
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from devices.clock import ManualClock, SystemClock
from devices.identity import new_id, new_secret
from safety import interpreter
from safety.api.application import PREFIX, create_app
from safety.api.context import AllWell, ApiSettings
from safety.api.hub import LiveHub
from safety.bench.errors import BenchFailed
from safety.bench.report import Row, percentile, report, row
from safety.bench.week.loading import Loaded, Week, load, make_week, settle
from safety.bench.week.reads import FLOOR, Read, audit_reads, page_reads
from safety.bench.week.size import HOUR_MS, NOW_MS, Size
from safety.bench.week.turns import feed_turns, service_turns
from safety.config import load_settings
from safety.store.database import Database, database_url, open_engine
from safety.store.migrate import migrate
from safety.store.sessions import create_session
from safety.store.users import add_user

CALLS = 100
WITHIN_MS = 50.0
_WARM_UP = 3
_PARTS = (("p50", 0.5), ("p95", 0.95))

Asking = Callable[[int], Awaitable[object]]


def run(size: Size | None = None, calls: int = CALLS) -> dict[str, Any]:
    """Load a week of `size`, ask everything `calls` times; returns the report."""
    week = make_week(size or Size())
    with (
        tempfile.TemporaryDirectory() as directory,
        _empty_store(Path(directory)) as url,
        closing(Database(url)) as database,
    ):
        migrate(database.engine)
        loaded = load(database, week, _tell)
        settle(database)
        # As a service does once it is ready; and half a million rows are still here.
        usual = gc.get_threshold()
        interpreter.settle()
        rows = asyncio.run(measure(database, week, calls))
        gc.set_threshold(*usual)
        gc.unfreeze()
    return report("store", [*_loading_rows(loaded, week), *rows])


async def measure(database: Database, week: Week, calls: int) -> list[Row]:
    """Ask the store, in which the week is, everything `calls` times."""
    clock = ManualClock(NOW_MS)
    rows: list[Row] = []
    async with _console(database, week, clock) as (page, audits):

        async def floor(_: int) -> None:
            await _get(page, FLOOR)

        for client, reads in ((page, page_reads(week)), (audits, audit_reads(week))):
            for read in reads:
                rows += await _timed(read.what, _asking(client, read), floor, calls, WITHIN_MS)
        for turn in (*feed_turns(week, database, clock), *service_turns(week, database)):
            within_ms = WITHIN_MS if turn.is_awaited else None
            rows += await _timed(turn.what, turn.take, floor, calls, within_ms)
    return rows


async def _timed(what: str, ask: Asking, floor: Asking, calls: int, within_ms: float | None) -> list[Row]:
    _tell(f"asking: {what}")
    clock = SystemClock()
    took_ms: dict[Asking, list[float]] = {ask: [], floor: []}
    worked_ms: list[float] = []
    for number in range(_WARM_UP + calls):
        for each, took in took_ms.items():
            began_s, began_cpu_s = clock.monotonic_s(), clock.cpu_s()
            await each(number)
            took.append((clock.monotonic_s() - began_s) * 1000)
            if each is ask:
                worked_ms.append((clock.cpu_s() - began_cpu_s) * 1000)
    worked = row(f"{what}, p95 of the processor", percentile(worked_ms[_WARM_UP:], 0.95), "ms")
    return [
        row(
            f"{what}, {part}",
            percentile(took_ms[ask][_WARM_UP:], number),
            "ms",
            floor=percentile(took_ms[floor][_WARM_UP:], number),
            limit={"at_most": within_ms} if within_ms is not None and part == "p95" else None,
        )
        for part, number in _PARTS
    ] + [worked]


def _asking(client: httpx.AsyncClient, read: Read) -> Asking:
    return lambda number: _get(client, read.path(number))


async def _get(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"{PREFIX}{path}")
    if answer.status_code != httpx.codes.OK:
        raise BenchFailed(f"{path}: {answer.status_code} {answer.text[:200]}")


@asynccontextmanager
async def _console(
    database: Database, week: Week, clock: ManualClock
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """The API as a dispatcher, and as an administrator, of the organisation above all others asks it."""
    hub, registry = LiveHub(database, clock), CollectorRegistry()
    app = create_app(
        database, clock, health=AllWell("store"), hub=hub, registry=registry, settings=ApiSettings()
    )
    with database.writing() as connection:
        tokens = [
            create_session(
                connection,
                add_user(connection, week.people.top, f"bench-{role}", role, new_secret(), NOW_MS),
                HOUR_MS / 1000,
                NOW_MS,
            )
            for role in ("dispatcher", "admin")
        ]
    clients = [
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://vigil.invalid",
            headers={"Authorization": f"Bearer {token}"},
        )
        for token in tokens
    ]
    async with clients[0] as page, clients[1] as audits:
        yield page, audits


@contextmanager
def _empty_store(directory: Path) -> Iterator[str]:
    """The URL of a database that is removed at the end.

    Raises:
        BenchFailed: the server does not let us make one.
    """
    server = load_settings(directory).database_url
    if server is None:
        yield database_url(directory)
        return
    name = f"vigil_{new_id('bench')}"
    engine = open_engine(server)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
            try:
                yield make_url(server).set(database=name).render_as_string(hide_password=False)
            finally:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    except SQLAlchemyError as error:
        raise BenchFailed(f"the benchmark needs a database of its own on the server: {error}") from error
    finally:
        engine.dispose()


def _loading_rows(loaded: list[Loaded], week: Week) -> list[Row]:
    nurses = len(week.people.nurses)
    rows = []
    for part in loaded:
        what = f"{part.what}: {part.rows:,} rows"
        rows += [row(f"{what}, to load", part.took_s, "s"), row(f"{what}, on disk", part.grew_b / 1e6, "MB")]
    whole_b = sum(part.grew_b for part in loaded)
    rows.append(row("the whole store on disk", whole_b / 1e9, "GB"))
    rows.append(row("of a nurse and week on disk", whole_b / nurses / week.size.days * 7 / 1e6, "MB"))
    return rows


def _tell(line: str) -> None:
    """Say what is being done; it takes minutes."""
    sys.stderr.write(f"{line} ...\n")
    sys.stderr.flush()
