"""The planner: tells the engine what people planned, as records of the log.

A change of master data leaves a row in `plan_changes` with it; the planner appends the whole new plan
to the lanes and then deletes the row. Killed in between, it appends the same plan again.
"""

import asyncio

import structlog
from sqlalchemy import Connection, delete, literal, select
from sqlalchemy.exc import OperationalError

from devices.clock import Clock
from ingest.errors import LogUnavailable
from ingest.lanes import LANES, TELEMETRY
from ingest.log.port import EventLog, NewEntry
from ingest.records import encode
from safety.domain.plan import DevicePlan, NursePlan, OrgPlan, VisitPlan
from safety.store.bindings import taken_over_ms
from safety.store.database import Database
from safety.store.fence_plans import fences_of_org, fences_of_visits
from safety.store.limits import limits_of_org, limits_of_visits
from safety.store.tables import checkpoints, device_tests, devices, nurses, orgs, plan_changes, visits

EVERY_S = 0.5
_BATCH = 500
_KEEP_ENDED_MS = 12 * 3_600_000
"""Visits stay in a plan for so long after their planned end: some run over."""

_log = structlog.get_logger(__name__)


class _Changes:
    """What changed, read in one transaction."""

    def __init__(self, connection: Connection, now_ms: int) -> None:
        changed = select(plan_changes).order_by(plan_changes.c.seq).limit(_BATCH)
        rows = connection.execute(changed).all()
        self.seqs = [row.seq for row in rows]
        nurse_ids = dict.fromkeys(row.nurse for row in rows if row.nurse is not None)
        org_ids = dict.fromkeys(row.org for row in rows if row.org is not None and row.nurse is None)
        plans = (nurse_plan(connection, nurse, now_ms) for nurse in nurse_ids)
        self.nurses = [plan for plan in plans if plan is not None]
        self.orgs = [org_plan(connection, org) for org in org_ids]


class Planner:
    """Relays changed plans to the log."""

    def __init__(self, database: Database, log: EventLog, clock: Clock) -> None:
        self._database = database
        self._event_log = log
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at once: a plan has just been changed."""
        self._woken.set()

    async def run(self) -> None:
        """Relay for ever."""
        while True:
            try:
                more = await self.step()
            except (OperationalError, LogUnavailable) as error:
                _log.warning("plans were not relayed", action="plan_failed", error=str(error))
                more = False
            if not more:
                await self._rest()

    async def step(self) -> bool:
        """Relay one batch of changes; tell whether there was one."""
        changes = await self._database.read(lambda c: _Changes(c, self._clock.now_ms()))
        if not changes.seqs:
            return False
        for lane in LANES:
            entries = [NewEntry(plan.nurse, encode(plan)) for plan in changes.nurses]
            if lane == TELEMETRY:
                partitions = range(self._event_log.partitions(lane))
                entries += [NewEntry("", encode(plan), p) for plan in changes.orgs for p in partitions]
            if entries:
                await self._event_log.append(lane, entries)
        relayed = delete(plan_changes).where(plan_changes.c.seq.in_(changes.seqs))
        await self._database.write(lambda c: c.execute(relayed))
        return True

    async def _rest(self) -> None:
        self._woken.clear()
        waits = {
            asyncio.create_task(self._woken.wait(), name="planner-woken"),
            asyncio.create_task(self._clock.sleep_s(EVERY_S), name="planner-rest"),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def replan_everything(connection: Connection) -> None:
    """Have every plan told anew, if the engine starts from nothing."""
    if connection.execute(select(checkpoints.c.lane).limit(1)).first() is not None:
        return
    nothing = literal(None)
    for wanted in (select(nurses.c.id, nothing), select(nothing, orgs.c.id)):
        connection.execute(plan_changes.insert().from_select(["nurse", "org"], wanted))


def nurse_plan(connection: Connection, nurse: str, now_ms: int) -> NursePlan | None:
    """Return what the engine must know of `nurse`; None if there is no such nurse."""
    row = connection.execute(select(nurses).where(nurses.c.id == nurse)).first()
    if row is None:
        return None
    current = select(visits).where(
        visits.c.nurse == nurse, visits.c.ends_ms >= now_ms - _KEEP_ENDED_MS, visits.c.cancelled_ms.is_(None)
    )
    planned = connection.execute(current.order_by(visits.c.starts_ms, visits.c.id)).all()
    own = fences_of_visits(connection, [visit.id for visit in planned])
    tests = devices.outerjoin(device_tests, device_tests.c.device == devices.c.id)
    carried = (
        select(devices.c.id, devices.c.kind, device_tests.c.from_ms, device_tests.c.until_ms)
        .select_from(tests)
        .where(devices.c.nurse == nurse, devices.c.revoked_ms.is_(None))
    )
    since_ms = taken_over_ms(connection, nurse)
    of_visits = limits_of_visits(connection, [visit.id for visit in planned])
    return NursePlan(
        nurse=nurse,
        org=row.org,
        pin_hash=row.pin_hash,
        duress_pin_hash=row.duress_pin_hash,
        limits=limits_of_org(connection, row.org),
        devices=tuple(
            DevicePlan(
                id=device.id,
                kind=device.kind,
                bound_ms=since_ms.get(device.id),
                test_from_ms=device.from_ms,
                test_until_ms=device.until_ms,
            )
            for device in connection.execute(carried.order_by(devices.c.id))
        ),
        visits=tuple(
            VisitPlan(
                id=visit.id,
                lat=visit.lat,
                lon=visit.lon,
                radius_m=visit.radius_m,
                starts_ms=visit.starts_ms,
                ends_ms=visit.ends_ms,
                check_in_every_s=visit.check_in_every_s,
                risk=visit.risk,
                fences=own.get(visit.id, ()),
                limits=of_visits.get(visit.id, {}),
            )
            for visit in planned
        ),
    )


def org_plan(connection: Connection, org: str) -> OrgPlan:
    """Return the shared fences of `org`."""
    return OrgPlan(org=org, fences=fences_of_org(connection, org))
