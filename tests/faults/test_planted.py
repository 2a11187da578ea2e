"""The test of the tests: with a fault planted, the same reading and the same checker find it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from devices.clock import SystemClock
from devices.codecs import native
from devices.registry.sql import SqlDeviceRegistry
from ingest.admission import Admission
from ingest.lanes import LANES
from ingest.log.sqlite import SqliteEventLog
from ingest.message import Message
from ingest.metrics import IngestMetrics
from ingest.refused import Refused
from ingest.subscriber import ALARM_LANE, TELEMETRY_LANE, Subscriber
from ingest.subscriber.subscriber import Admission as AdmissionPort
from safety.store.alerts import raise_alert
from safety.store.database import Database, database_url
from safety.store.tables import alerts, metadata, timeline
from tests.faults.checker import Fault, Kept, Press, Receipt, Told, faults, lost
from tests.support.brokers import embedded_broker
from tests.support.dispatch import House, alarm, build_house
from tests.support.faults_crowd import Crowd
from tests.support.faults_fleet import Login
from tests.support.faults_found import log_view, read_alerts, read_logged
from tests.support.waiting import eventually


class HastyAdmission:
    """Acknowledges first and writes later: what it still has in hand is gone with it."""

    def __init__(self, honest: Admission) -> None:
        self._honest = honest
        self._in_hand: list[Message | Refused] = []

    async def admit_all(self, messages: Sequence[Message | Refused]) -> None:
        self._in_hand += messages
        late = self._in_hand[:-10]
        del self._in_hand[:-10]
        await self._honest.admit_all(late)


async def lost_with(directory: Path, *, hasty: bool) -> list[Fault]:
    """Have two devices talk to an ingest, end it as a kill does, and return what the checker misses."""
    clock, names = SystemClock(), ("dev_a", "dev_b")
    async with embedded_broker(directory, *names) as embedded:
        registry = SqlDeviceRegistry(embedded.engine)
        registry.refresh()
        log = SqliteEventLog(directory / "log", clock)
        for lane in LANES:
            await log.end(lane, 0)  # so that there is a file even if nothing was written
        honest = Admission(registry, {"native": native.read}, log, clock, IngestMetrics(CollectorRegistry()))
        admission: AdmissionPort = HastyAdmission(honest) if hasty else honest
        logins = [Login(name, embedded.secrets[name], "") for name in names]
        crowd = Crowd(logins, lambda: embedded.port, clock, 1, presses_per_s=0)
        tasks = [
            asyncio.create_task(Subscriber(embedded.address, each, admission, clock).run())
            for each in (ALARM_LANE, TELEMETRY_LANE)
        ]
        tasks.append(asyncio.create_task(crowd.run()))
        await eventually(lambda: crowd.all_connected)
        crowd.press()
        confirmed = crowd.diary.confirmed
        await eventually(lambda: len(confirmed) > 60 and any(one.kind == "alarm" for one in confirmed))
        crowd.be_quiet()
        await eventually(lambda: crowd.all_confirmed)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await log.close()
    async with log_view(directory) as view:
        logged = await read_logged(view)
    return lost(crowd.diary, Kept({lane: set(messages) for lane, messages in logged.items()}))


@pytest.mark.integration
async def test_an_ingest_that_acknowledges_before_it_appends_is_caught(tmp_path: Path) -> None:
    assert await lost_with(tmp_path, hasty=True)


@pytest.mark.integration
async def test_the_real_one_is_not(tmp_path: Path) -> None:
    assert await lost_with(tmp_path, hasty=False) == []


class Store:
    """A store in which alerts are raised as the engine would, or as it never should."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._database = Database(database_url(directory))
        metadata.create_all(self._database.engine)
        with self._database.writing() as connection:
            self.house: House = build_house(connection, "planted", roles=())
            for table in (timeline, alerts):  # the house comes with an alert that nobody here pressed
                connection.execute(table.delete())

    def raise_for(self, press: str, cause: str, merges: bool = True) -> str:
        """Raise an alert for `press`; its id is derived from `cause`."""
        raised = alarm(self.house, cause, 1_790_000_000_000)
        raised = msgspec.structs.replace(raised, alarm=press, merges="nurse" if merges else None)
        with self._database.writing() as connection:
            raise_alert(connection, raised, 1_790_000_000_000)
        return raised.id

    def faults(self, told: Told) -> list[str]:
        """What the checker finds, but for calls: nobody routes here."""
        found = faults(told, Kept(alerts=read_alerts(self._directory)))
        return [fault.wrong for fault in found if fault.wrong != "not_called"]

    def told(self, *receipts: tuple[str, str]) -> Told:
        """Presses with what their device heard of them."""
        heard = {Receipt(Press(self.house.device, press), alert) for press, alert in receipts}
        return Told(pressed={receipt.press for receipt in heard}, receipts=heard)

    def close(self) -> None:
        self._database.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def test_a_store_as_it_should_be_has_no_faults(store: Store) -> None:
    first = store.raise_for("p1", "cause of p1")
    store.raise_for("p2", "cause of p2")
    store.raise_for("p2", "cause of p2")
    assert store.faults(store.told(("p1", first), ("p2", first))) == []


def test_an_alert_whose_id_is_not_derived_is_caught(store: Store) -> None:
    first = store.raise_for("p1", "cause of p1", merges=False)
    store.raise_for("p1", "cause of p1, after a restart", merges=False)
    assert store.faults(store.told(("p1", first))) == ["two_alerts"]


def test_a_press_noted_again_after_a_restart_is_caught(store: Store) -> None:
    first = store.raise_for("p1", "cause of p1")
    store.raise_for("p2", "cause of p2")
    store.raise_for("p2", "cause of p2, after a restart")
    assert store.faults(store.told(("p1", first), ("p2", first))) == ["two_alerts"]


def test_a_receipt_without_an_alert_is_caught(store: Store) -> None:
    assert store.faults(store.told(("p1", "never stored"))) == ["no_alert", "unknown_alert"]
