"""Turns: what the service itself asks of its store, again and again, beside the page."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection

from devices.clock import ManualClock
from devices.identity import derived_id
from safety.api.outbox import Frame
from safety.api.places import PlaceWatch
from safety.api.snapshots import Key, Picture, Snapshots
from safety.bench.week.loading import Week
from safety.bench.week.size import DAY_MS, MINUTE_MS, NOW_MS
from safety.housekeeping import NURSES_AT_ONCE
from safety.planner import nurse_plan
from safety.rules.effects import RaiseAlert
from safety.store.alerts import raise_alert
from safety.store.database import Database
from safety.store.deliveries import note_answers
from safety.store.escalation import next_look_ms, take_due_alerts
from safety.store.feed import can_replay, changed_alerts, current_marks
from safety.store.notices import next_notice_ms, take_due_notices
from safety.store.old_alerts import forget_alerts, forget_commands, forget_letters
from safety.store.outbox import next_command_ms, take_due_commands
from safety.store.postgres import next_revision
from safety.store.queries import Scope
from safety.store.tables import device_states, positions
from safety.store.track_days import forget_points, tracked_nurses

_REPORT_A_SECOND = 150
_SOON_MS = NOW_MS + 10 * MINUTE_MS
_LONG_AGO_MS = NOW_MS - 365 * DAY_MS
_AT_ONCE = 50


class Turn(NamedTuple):
    """Something the service does; `take` does it for the n-th time. Does a dispatcher wait for it?"""

    what: str
    take: Callable[[int], Awaitable[object]]
    is_awaited: bool = False


def feed_turns(week: Week, database: Database, clock: ManualClock) -> Iterator[Turn]:
    """Yield what the live feed asks, for whoever joins and for those who are there."""
    snapshots = Snapshots(database, clock)
    top, orgs = week.people.top, week.people.orgs
    everyone = frozenset({top, *orgs})
    watch = _watch(week, database)

    def missed(connection: Connection, number: int) -> object:
        newest = current_marks(connection).alerts
        can_replay(connection, newest - 40, newest)
        return changed_alerts(connection, newest - 1 - number % 40, Scope(top))

    def pages(begun: Callable[[Key], Picture], ids: Iterable[str]) -> Callable[[int], Awaitable[object]]:
        pictures = [begun((id,)) for id in sorted(ids)[::100]]
        return lambda number: anext(snapshots.rest(Scope(top), pictures[number % len(pictures)]))

    async def picture(number: int) -> object:
        return await snapshots.take(Scope(orgs[number % len(orgs)]))

    async def everything(_: int) -> object:
        begun = await snapshots.take(Scope(top))
        return [frame async for frame in snapshots.rest(Scope(top), begun)]

    nurses = week.people.nurses
    yield from (
        Turn("live feed: the picture's first frame", lambda _: snapshots.take(Scope(top)), is_awaited=True),
        Turn(
            "live feed: its next positions",
            pages(lambda key: Picture(0, Frame(""), key, None), (nurse.id for nurse in nurses)),
            is_awaited=True,
        ),
        Turn(
            "live feed: its next devices",
            pages(
                lambda key: Picture(0, Frame(""), None, key),
                (id for nurse in nurses for id, _ in nurse.devices),
            ),
            is_awaited=True,
        ),
        Turn("live feed: all frames of the picture", everything),
        Turn("live feed: the picture of one organisation", picture, is_awaited=True),
        Turn("live feed: what was missed", _reading(database, missed), is_awaited=True),
        Turn(
            "live feed: is there anything new",
            _reading(database, lambda c, _: current_marks(c)),
            is_awaited=True,
        ),
        Turn(
            "live feed: where people are now",
            _reading(database, lambda c, _: watch.read(c, [everyone], NOW_MS)),
            is_awaited=True,
        ),
    )


def service_turns(week: Week, database: Database) -> Iterator[Turn]:
    """Yield what routing, the planner, the engine and housekeeping ask."""
    nurses = [nurse.id for nurse in week.people.nurses]

    def forget(connection: Connection, number: int) -> object:
        start = number * NURSES_AT_ONCE % len(nurses)
        return [
            forget_points(connection, one, _LONG_AGO_MS) for one in nurses[start : start + NURSES_AT_ONCE]
        ]

    def due_notices(connection: Connection, _: int) -> object:
        return take_due_notices(connection, _SOON_MS, limit=_AT_ONCE, per_channel=4)

    yield from (
        Turn("routing: when is an alert due", _reading(database, lambda c, _: next_look_ms(c))),
        Turn("routing: take due alerts", _writing(database, lambda c, _: take_due_alerts(c, _SOON_MS, 100))),
        Turn("routing: when is a notice due", _reading(database, lambda c, _: next_notice_ms(c))),
        Turn("routing: take due notices", _writing(database, due_notices)),
        Turn("routing: when is a command due", _reading(database, lambda c, _: next_command_ms(c, NOW_MS))),
        Turn(
            "routing: take due commands",
            _writing(database, lambda c, _: take_due_commands(c, _SOON_MS, limit=_AT_ONCE)),
        ),
        Turn("engine: is an answer awaited", _writing(database, lambda c, _: note_answers(c, (), NOW_MS))),
        Turn(
            "planner: the plan of a nurse",
            _reading(database, lambda c, n: nurse_plan(c, nurses[n % len(nurses)], NOW_MS)),
        ),
        Turn("housekeeping: who has tracks", _reading(database, lambda c, _: tracked_nurses(c))),
        Turn(f"housekeeping: old points of {NURSES_AT_ONCE} nurses", _writing(database, forget)),
        Turn("housekeeping: old alerts", _writing(database, lambda c, _: forget_alerts(c, _LONG_AGO_MS))),
        Turn("housekeeping: old commands", _writing(database, lambda c, _: forget_commands(c, _LONG_AGO_MS))),
        Turn("housekeeping: old letters", _writing(database, lambda c, _: forget_letters(c, _LONG_AGO_MS))),
        Turn("engine: raise an alert", _writing(database, lambda c, n: _raise(week, c, n))),
    )


def _raise(week: Week, connection: Connection, number: int) -> None:
    nurse = week.people.nurses[number % len(week.people.nurses)]
    alarm = f"late-{number}"
    raised = RaiseAlert(
        id=derived_id("bench", alarm),
        kind="panic",
        severity="critical",
        org=nurse.org,
        nurse=nurse.id,
        device=nurse.phone,
        occurred_ms=NOW_MS,
        received_ms=NOW_MS,
        source_event=alarm,
        alarm=alarm,
        merges="nurse",
    )
    raise_alert(connection, raised, NOW_MS)


def _watch(week: Week, database: Database) -> PlaceWatch:
    """Have as many report as in a second of a busy day; return a watch that has not seen it yet."""
    watch = PlaceWatch()
    some = [nurse for nurse in week.people.nurses if nurse.recorder is None][:_REPORT_A_SECOND]
    with database.reading() as connection:
        watch.skip_to(current_marks(connection))
    for table, key, ids in (
        (positions, positions.c.nurse, [nurse.id for nurse in some]),
        (device_states, device_states.c.device, [nurse.phone for nurse in some]),
    ):
        with database.writing() as connection:
            revision = next_revision(connection, table.c.revision)
            connection.execute(table.update().where(key.in_(ids)).values(revision=revision))
    return watch


def _reading(
    database: Database, work: Callable[[Connection, int], object]
) -> Callable[[int], Awaitable[object]]:
    return lambda number: database.read(lambda connection: work(connection, number))


def _writing(
    database: Database, work: Callable[[Connection, int], object]
) -> Callable[[int], Awaitable[object]]:
    return lambda number: database.write(lambda connection: work(connection, number))
