"""Reads: what the dispatcher's page and the API's other users ask, with varied parameters."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from devices.rfc3339 import rfc3339
from safety.api.paging import encode_cursor
from safety.bench.week.alerts import dispatcher
from safety.bench.week.loading import Week
from safety.bench.week.plan import Visit
from safety.bench.week.size import DAY_MS, HOUR_MS, NOW_MS

T = TypeVar("T")

FLOOR = "/me"
"""The cheapest of the routes that ask who one is."""


class Read(NamedTuple):
    """A request of the page's; `path` gives that of the n-th call, below /api/v1."""

    what: str
    path: Callable[[int], str]


def page_reads(week: Week) -> Iterator[Read]:
    """Yield what is asked, in the words of the table."""
    people, alerts, visits = week.people, week.alerts, week.planned
    nurse = _drawn([nurse.id for nurse in people.nurses])
    some = _drawn(alerts)
    over = [visit for visit in visits if visit.ends_ms < NOW_MS]
    visit, recorded = _drawn(over), _drawn([one for one in over if one.nurse.recorder is not None] or over)
    device = _drawn([id for nurse in people.nurses for id, _ in nurse.devices])
    org, kind = _drawn(people.orgs), _drawn(["panic", "fall", "battery_low", "duress"])

    def deep(number: int) -> str:
        alert = some(number)
        return f"/alerts?limit=100&cursor={encode_cursor((alert.at_ms, alert.id))}"

    yield from (
        Read("alerts, open", lambda _: "/alerts?state=open&limit=500"),
        Read("alerts, newest 200", lambda _: "/alerts?limit=200"),
        Read("alerts, a page further back", deep),
        Read("alerts of one kind", lambda n: f"/alerts?kind={kind(n)}"),
        Read("alerts, cancelled and critical", lambda _: "/alerts?state=cancelled&severity=critical"),
        Read("alerts since a moment", lambda n: f"/alerts?since={some(n).at_ms}"),
        Read("alerts of a nurse", lambda n: f"/alerts?nurse={some(n).visit.nurse.id}"),
        Read("alerts of an organisation", lambda n: f"/alerts?org={org(n)}"),
        Read("alerts of an incident", lambda n: f"/alerts?incident={some(n).incident}"),
        Read("an alert with its timeline", lambda n: f"/alerts/{some(n).id}"),
    )
    yield from (
        Read("positions, a page", lambda n: f"/positions?limit=500&{_after(nurse(n))}"),
        Read("nurses, a page", lambda n: f"/nurses?limit=500&{_after(nurse(n))}"),
        Read("a nurse", lambda n: f"/nurses/{nurse(n)}"),
        Read("visits of now, a page", lambda n: f"/visits?limit=500&{_now(visits, n)}"),
        Read("visits of a day, a page", lambda n: f"/visits?limit=500&{_day(visit(n))}"),
        Read("visits of a nurse", lambda n: f"/visits?nurse={nurse(n)}"),
        Read("a visit", lambda n: f"/visits/{visit(n).id}"),
        Read("the limits of a visit", lambda n: f"/visits/{visit(n).id}/limits"),
        Read("fences, a page", lambda n: "/fences?limit=500"),
        Read("responders", lambda n: "/responders?limit=500"),
        Read("policies", lambda n: "/policies"),
        Read("organisations", lambda n: "/orgs?limit=500"),
    )
    yield from (
        Read("devices, a page", lambda n: f"/devices?limit=500&{_after(device(n))}"),
        Read("devices' board", lambda _: "/devices/board?limit=200"),
        Read("devices not tested", lambda _: "/devices/untested?limit=200"),
        Read("a device", lambda n: f"/devices/{device(n)}"),
        Read("who had a device", lambda n: f"/devices/{device(n)}/history"),
        Read("what a device was told", lambda n: f"/devices/{some(n).visit.nurse.phone}/commands"),
    )
    yield from (
        Read("track of a visit", lambda n: _track(visit(n), HOUR_MS)),
        Read("track of a day", lambda n: _track(visit(n), DAY_MS)),
        Read("records of a visit", lambda n: f"/visits/{recorded(n).id}/records"),
        Read("recordings of a visit", lambda n: f"/visits/{recorded(n).id}/recordings"),
    )


def audit_reads(week: Week) -> Iterator[Read]:
    """Yield what only an administrator may ask."""
    size, people = len(week.planned), week.people
    back = _drawn(list(range(1, size)))
    nurse, visit = _drawn(people.nurses), _drawn(week.planned)
    action = _drawn(["visit_added", "track_read", "login", "user_added", "org_added"])
    device = _drawn([nurse.phone for nurse in people.nurses])
    yield from (
        Read("audit trail, newest", lambda _: "/audit"),
        Read("audit trail, a page further back", lambda n: f"/audit?cursor={encode_cursor((back(n),))}"),
        Read("audit trail of a person", lambda n: f"/audit?actor={dispatcher(n)}"),
        Read("audit trail of an action", lambda n: f"/audit?action={action(n)}"),
        Read("audit trail of a visit", lambda n: f"/audit?subject={visit(n).id}"),
        Read("audit trail of a nurse since", lambda n: f"/audit?subject={nurse(n).id}&since={_since(n)}"),
        Read("dead letters, newest", lambda _: "/dead-letters"),
        Read("dead letters of a reason", lambda _: "/dead-letters?reason=unknown_field"),
        Read("dead letters of a device", lambda n: f"/dead-letters?device={device(n)}"),
    )


def _drawn(things: Sequence[T]) -> Callable[[int], T]:
    """Return what gives another one of `things` at each call, the same ones in each run."""
    order = np.random.default_rng(len(things)).integers(0, len(things), 1_000).tolist()
    return lambda number: things[order[number % len(order)]]


def _after(id: str) -> str:
    return f"cursor={encode_cursor((id,))}"


def _now(visits: Sequence[Visit], number: int) -> str:
    """Half a day either way, as the page asks; a cursor on each page but the first."""
    wanted = f"from={NOW_MS - HOUR_MS}&to={NOW_MS + 12 * HOUR_MS}"
    on = visits[-1 - number % len(visits)]
    return wanted if number % 2 else f"{wanted}&cursor={encode_cursor((NOW_MS, on.id))}"


def _day(visit: Visit) -> str:
    from_ms = visit.starts_ms // DAY_MS * DAY_MS
    return f"from={from_ms}&to={from_ms + DAY_MS}&cursor={encode_cursor((visit.starts_ms, visit.id))}"


def _track(visit: Visit, for_ms: int) -> str:
    from_ms = visit.starts_ms if for_ms == HOUR_MS else visit.starts_ms // DAY_MS * DAY_MS
    return f"/nurses/{visit.nurse.id}/track?from={rfc3339(from_ms)}&to={rfc3339(from_ms + for_ms)}"


def _since(number: int) -> int:
    return NOW_MS - number % 7 * DAY_MS
