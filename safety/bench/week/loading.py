"""Loading: a week put into an empty store, and what each part of it takes in time and on disk."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import text

from devices.clock import SystemClock
from safety.bench.week.alerts import Alert, make_alerts, store_alerts
from safety.bench.week.people import People, make_people, store_people
from safety.bench.week.plan import Visit, make_plan, store_plan
from safety.bench.week.records import store_audit, store_letters, store_records
from safety.bench.week.size import Size
from safety.bench.week.tracks import store_tracks
from safety.store.database import Database
from safety.store.postgres import is_postgres


class Week(NamedTuple):
    """Who and what there is; the rows of it are in the store."""

    size: Size
    people: People
    planned: list[Visit]
    alerts: list[Alert]


class Loaded(NamedTuple):
    """A part of the week: how many rows it is, how long they took, and by how much the store grew."""

    what: str
    rows: int
    took_s: float
    grew_b: int


def make_week(size: Size) -> Week:
    """Return what is to be loaded."""
    people = make_people(size)
    planned = make_plan(size, people)
    return Week(size, people, planned, make_alerts(planned))


def load(database: Database, week: Week, tell: Callable[[str], None]) -> list[Loaded]:
    """Put the week into the store, whose tables are there and empty; `tell` hears what is being done."""
    size, people, planned, made = week
    clock, loaded = SystemClock(), list[Loaded]()

    def note(what: str, store: Callable[[], int]) -> None:
        tell(f"loading {what}")
        before_b, began_s = _size_b(database), clock.monotonic_s()
        rows = store()
        took_s = clock.monotonic_s() - began_s
        loaded.append(Loaded(what, rows, took_s, _size_b(database) - before_b))

    def written(work: Callable[..., int], *given: object) -> Callable[[], int]:
        def store() -> int:
            with database.writing() as connection:
                if is_postgres(connection):
                    # The rows of a table are made while the transaction waits for them.
                    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                return work(connection, *given)

        return store

    note("people and devices", written(store_people, people))
    note("visits, fences, positions", written(store_plan, people, planned))
    note("alerts", written(store_alerts, made))
    note("work records", written(store_records, planned))
    note("audit trail", written(store_audit, people, planned, made))
    note("dead letters", written(store_letters, size, people))
    note("tracks", lambda: store_tracks(database, size, planned))
    return loaded


def settle(database: Database) -> None:
    """Do what the database does by itself in a week: PostgreSQL looks at its statistics."""
    with database.engine.connect() as connection:
        on_postgres = is_postgres(connection)
    if on_postgres:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE)"))


def _size_b(database: Database) -> int:
    """Return how large the store is on disk."""
    with database.engine.connect() as connection:
        if is_postgres(connection):
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
        pages, page_b = (connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in _PAGES)
        return int(pages) * int(page_b)


_PAGES = ("page_count", "page_size")
