"""The subscriber and the downlink against the embedded broker."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiomqtt import Client

from devices.clock import SystemClock
from devices.commands import Command
from ingest.broker.server import EmbeddedBroker
from ingest.downlink import Downlink
from ingest.errors import NotConnected
from ingest.subscriber import ALARM_LANE, TELEMETRY_LANE, Subscriber, SubscriberLane
from tests.support.brokers import Embedded, embedded_broker, free_port
from tests.support.ingesting import ingesting
from tests.support.recording import RecordingAdmission
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.integration

LOCATION, ALARM, DOWN = "vigil/v1/dev_a/location", "vigil/v1/dev_a/alarm", "vigil/v1/dev_a/down"


def device(embedded: Embedded, name: str = "dev_a", **options: object) -> Client:
    return Client(
        "127.0.0.1",
        embedded.port,
        username=name,
        password=embedded.secrets[name],
        max_inflight_messages=1000,
        timeout=PATIENCE_S,
        **options,  # type: ignore[arg-type]  # passed through
    )


@asynccontextmanager
async def reading(
    embedded: Embedded,
    admission: RecordingAdmission,
    lane: SubscriberLane = TELEMETRY_LANE,
    window: int = 1000,
) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(embedded.address, lane, admission, SystemClock(), window=window)
    async with ingesting(subscriber):
        yield subscriber


async def test_hands_over_in_order_and_acknowledges_after_admission(tmp_path: Path) -> None:
    admission = RecordingAdmission()
    async with embedded_broker(tmp_path, "dev_a") as embedded, reading(embedded, admission):
        admission.open.clear()
        async with device(embedded) as client:
            publishing = [asyncio.create_task(client.publish(LOCATION, b"%d" % n, qos=1)) for n in range(100)]
            await eventually(lambda: len(admission.begun) == 100, what="all are in admission")
            assert not any(task.done() for task in publishing)
            admission.open.set()
            await asyncio.gather(*publishing)
        assert admission.payloads == [b"%d" % n for n in range(100)]


async def test_each_lane_reads_its_own(tmp_path: Path) -> None:
    alarms, telemetry = RecordingAdmission(), RecordingAdmission()
    async with (
        embedded_broker(tmp_path, "dev_a") as embedded,
        reading(embedded, alarms, ALARM_LANE),
        reading(embedded, telemetry),
        device(embedded) as client,
    ):
        for channel in ("location", "alarm", "event", "status", "record"):
            await client.publish(f"vigil/v1/dev_a/{channel}", channel, qos=1)
        await client.publish("vigil/v1/dev_b/alarm", b"of another", qos=1)
    assert alarms.payloads == [b"alarm", b"event"]
    assert telemetry.payloads == [b"location", b"status", b"record"]
    assert telemetry.refused == [("dev_a", "vigil/v1/dev_b/alarm", b"of another")]


async def test_an_alarm_overtakes_a_stuck_telemetry_lane(tmp_path: Path) -> None:
    alarms, telemetry = RecordingAdmission(), RecordingAdmission()
    async with (
        embedded_broker(tmp_path, "dev_a") as embedded,
        reading(embedded, alarms, ALARM_LANE),
        reading(embedded, telemetry, window=50),
        device(embedded) as client,
    ):
        telemetry.open.clear()
        backlog = [asyncio.create_task(client.publish(LOCATION, b"fix", qos=1)) for _ in range(200)]
        await eventually(lambda: telemetry.inside == 50, what="the window is full")
        alarm = asyncio.create_task(client.publish(ALARM, b"panic", qos=1))
        await eventually(lambda: alarms.payloads == [b"panic"], what="the alarm is through")
        telemetry.open.set()
        await asyncio.gather(*backlog, alarm)
        assert len(telemetry.admitted) == 200


async def test_never_more_in_admission_than_the_window_holds(tmp_path: Path) -> None:
    admission = RecordingAdmission()
    admission.open.clear()
    async with (
        embedded_broker(tmp_path, "dev_a") as embedded,
        reading(embedded, admission, window=20) as subscriber,
        device(embedded) as client,
    ):
        publishing = [asyncio.create_task(client.publish(LOCATION, b"%d" % n, qos=1)) for n in range(300)]
        await eventually(lambda: admission.inside == 20, what="the window is full")
        admission.open.set()
        await asyncio.gather(*publishing)
        assert admission.most_inside == 20
        assert subscriber.in_window == 0


async def test_while_the_log_is_out_messages_wait_in_their_order(tmp_path: Path) -> None:
    admission = RecordingAdmission()
    async with (
        embedded_broker(tmp_path, "dev_a") as embedded,
        reading(embedded, admission) as subscriber,
        device(embedded) as client,
    ):
        admission.open.clear()
        publishing = [asyncio.create_task(client.publish(LOCATION, b"%d" % n, qos=1)) for n in range(20)]
        await eventually(lambda: admission.inside == 20, what="all are in admission")
        admission.failing = 1_000_000
        admission.open.set()
        await eventually(lambda: subscriber.retries >= 5, what="it is tried again and again")
        assert admission.payloads == []
        admission.failing = 0
        await asyncio.gather(*publishing)
        assert admission.payloads == [b"%d" % n for n in range(20)]


async def test_what_was_not_acknowledged_comes_again_after_a_lost_reader(tmp_path: Path) -> None:
    first, second = RecordingAdmission(), RecordingAdmission()
    first.open.clear()
    async with embedded_broker(tmp_path, "dev_a") as embedded, device(embedded) as client:
        async with reading(embedded, first):
            publishing = [asyncio.create_task(client.publish(LOCATION, b"%d" % n, qos=1)) for n in range(50)]
            await eventually(lambda: first.inside == 50, what="all are in admission")
            publishing.append(asyncio.create_task(client.publish(LOCATION, b"50", qos=1)))
        assert not any(task.done() for task in publishing)
        async with reading(embedded, second):
            await asyncio.gather(*publishing)
        assert second.payloads == [b"%d" % n for n in range(51)]


async def test_reconnects_to_a_broker_that_was_killed(tmp_path: Path) -> None:
    admission = RecordingAdmission()
    async with embedded_broker(tmp_path, "dev_a") as embedded, reading(embedded, admission) as subscriber:
        supervising = asyncio.create_task(embedded.broker.wait())
        pid = embedded.broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: subscriber.connections == 2, what="it is connected again")
        async with device(embedded) as client:
            await client.publish(LOCATION, b"after", qos=1)
        assert admission.payloads == [b"after"]
        await embedded.broker.stop()
        await supervising


async def test_waits_for_a_broker_that_is_not_there_yet(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    broker = EmbeddedBroker("127.0.0.1", free_port(), url, SystemClock())
    subscriber = Subscriber(broker.address, ALARM_LANE, RecordingAdmission(), SystemClock())
    task = asyncio.create_task(subscriber.run())
    await broker.start()
    await asyncio.wait_for(subscriber.until_connected(), PATIENCE_S)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await broker.stop()


async def test_a_wrong_login_is_no_connection(tmp_path: Path) -> None:
    async with embedded_broker(tmp_path, "dev_a") as embedded:
        wrong = type(embedded.address)(
            host="127.0.0.1", port=embedded.port, username="$ingest", password="guess"
        )
        subscriber = Subscriber(wrong, ALARM_LANE, RecordingAdmission(), SystemClock())
        task = asyncio.create_task(subscriber.run())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(subscriber.until_connected(), 1)
        assert not subscriber.connected
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_broker_tells_how_it_does(tmp_path: Path) -> None:
    async with (
        embedded_broker(tmp_path, "dev_a") as embedded,
        reading(embedded, RecordingAdmission()) as subscriber,
        device(embedded),
    ):

        def told() -> bool:
            stats = subscriber.broker_stats
            return stats is not None and (stats.connections, stats.unclaimed) == (2, 0)

        await eventually(told, what="a word from the broker that knows of both")


async def test_the_downlink_reaches_the_device(tmp_path: Path) -> None:
    async with embedded_broker(tmp_path, "dev_a") as embedded:
        downlink = Downlink(embedded.address, SystemClock())
        command = Command(
            id="cmd_1", device="dev_a", kind="alarm_received", at_ms=0, alarm="7", alert="alr_1"
        )
        with pytest.raises(NotConnected):
            await downlink.send(command)
        task = asyncio.create_task(downlink.run())
        await asyncio.wait_for(downlink.until_connected(), PATIENCE_S)
        async with device(embedded) as client:
            await client.subscribe(DOWN, qos=1)
            await asyncio.gather(*(downlink.send(command) for _ in range(100)))
            async with asyncio.timeout(PATIENCE_S):
                for _ in range(100):
                    message = await anext(client.messages)
                    assert b'"kind":"alarm_received"' in bytes(message.payload)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    "scenario",
    [
        test_hands_over_in_order_and_acknowledges_after_admission,
        test_never_more_in_admission_than_the_window_holds,
        test_what_was_not_acknowledged_comes_again_after_a_lost_reader,
        test_reconnects_to_a_broker_that_was_killed,
        test_the_downlink_reaches_the_device,
    ],
)
def test_holds_on_the_services_own_loop_too(
    tmp_path: Path, scenario: Callable[[Path], Coroutine[Any, Any, None]]
) -> None:
    uvloop.run(scenario(tmp_path))
