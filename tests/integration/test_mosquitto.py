"""The subscriber and the downlink against a real Mosquitto: nothing that it accepted is lost."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiomqtt import Client, ProtocolVersion

from devices.clock import SystemClock
from devices.commands import Command
from ingest.address import BrokerAddress, MqttVersion
from ingest.downlink import Downlink
from ingest.subscriber import TELEMETRY_LANE, Subscriber
from tests.support.brokers import Mosquitto, mosquitto
from tests.support.ingesting import ingesting
from tests.support.recording import RecordingAdmission
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.integration

LOCATION = "vigil/v1/dev_a/location"
DEVICES = {"dev_a": "secret of a"}
VERSIONS = pytest.mark.parametrize("version", list(MqttVersion), ids=lambda version: version.name)


def device(broker: Mosquitto) -> Client:
    client = Client(
        "127.0.0.1",
        broker.port,
        username="dev_a",
        password=DEVICES["dev_a"],
        max_inflight_messages=500,
        timeout=PATIENCE_S,
    )
    client.pending_calls_threshold = 1000
    return client


@asynccontextmanager
async def reading(
    address: BrokerAddress, admission: RecordingAdmission, window: int = 1000
) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(address, TELEMETRY_LANE, admission, SystemClock(), window=window)
    async with ingesting(subscriber):
        yield subscriber


async def publish(broker: Mosquitto, numbers: range) -> None:
    async with device(broker) as client:
        await asyncio.gather(*(client.publish(LOCATION, b"%d" % n, qos=1) for n in numbers))


@VERSIONS
async def test_what_was_not_acknowledged_comes_again_in_order(tmp_path: Path, version: MqttVersion) -> None:
    first, second = RecordingAdmission(), RecordingAdmission()
    first.open.clear()
    with mosquitto(tmp_path, DEVICES) as broker:
        async with reading(broker.address(version), first):
            await publish(broker, range(50))
            await eventually(lambda: first.inside == 50, what="all are in admission")
        assert first.admitted == []
        async with reading(broker.address(version), second):
            await eventually(lambda: len(second.admitted) >= 50, what="all came again")
        assert second.payloads == [b"%d" % n for n in range(50)]


@VERSIONS
async def test_what_comes_while_nobody_reads_is_kept(tmp_path: Path, version: MqttVersion) -> None:
    admission = RecordingAdmission()
    with mosquitto(tmp_path, DEVICES) as broker:
        async with reading(broker.address(version), RecordingAdmission()):
            pass
        await publish(broker, range(100))
        async with reading(broker.address(version), admission):
            await eventually(lambda: len(admission.admitted) == 100, what="all are there")


@VERSIONS
async def test_a_late_acknowledgement_confirms_nothing_after_the_broker_lost_its_sessions(
    tmp_path: Path, version: MqttVersion
) -> None:
    """Packet ids start again with the session: what is in admission must not confirm what came since."""
    admission, third = RecordingAdmission(), RecordingAdmission()
    admission.open.clear()
    with mosquitto(tmp_path, DEVICES, keeps=False) as broker:
        async with reading(broker.address(version), admission) as subscriber:
            await publish(broker, range(10))
            await eventually(lambda: admission.inside == 10, what="the old ones are in admission")
            broker.kill()
            broker.start()
            await eventually(lambda: subscriber.connections == 2, what="it is connected again")
            shut = asyncio.Event()
            old, admission.open = admission.open, shut
            await publish(broker, range(100, 110))
            await eventually(lambda: admission.inside == 20, what="the new ones are in admission")
            old.set()
            await eventually(lambda: len(admission.admitted) == 10, what="the old ones are through")
        # None of the new ones was admitted, so none may have been acknowledged.
        async with reading(broker.address(version), third):
            await eventually(lambda: len(third.admitted) == 10, what="all new ones came again")
        assert third.payloads == [b"%d" % n for n in range(100, 110)]


@VERSIONS
async def test_the_window_holds_against_a_long_queue(tmp_path: Path, version: MqttVersion) -> None:
    admission = RecordingAdmission()
    with mosquitto(tmp_path, DEVICES) as broker:
        async with reading(broker.address(version), RecordingAdmission()):
            pass
        await publish(broker, range(3000))
        admission.open.clear()
        opening = asyncio.create_task(eventually(lambda: admission.inside == 100, what="the window is full"))
        opening.add_done_callback(lambda _: admission.open.set())
        async with reading(broker.address(version), admission, window=100):
            await opening
            await eventually(lambda: len(set(admission.payloads)) == 3000, what="all are through")
        assert admission.most_inside == 100


KILLED = """
import asyncio, sys
from devices.clock import SystemClock
from ingest.address import BrokerAddress
from ingest.subscriber import Subscriber, TELEMETRY_LANE

class Slow:
    async def admit_all(self, messages):
        for message in messages:
            await SystemClock().sleep_s(0.02)
            print(message.payload.decode(), file=sys.stderr, flush=True)

address = BrokerAddress(host="127.0.0.1", port=int(sys.argv[1]), username=sys.argv[2], password=sys.argv[3])
asyncio.run(Subscriber(address, TELEMETRY_LANE, Slow(), SystemClock(), window=10).run())
"""


def read_then_kill(address: BrokerAddress, lines: int) -> list[bytes]:
    """Read with a process of its own until it has admitted `lines`, and kill it in the middle."""
    arguments = [str(address.port), address.username or "", address.password or ""]
    command = [sys.executable, "-c", KILLED, *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        admitted = [process.stderr.readline() for _ in range(lines)]
        process.kill()
        return admitted + list(process.stderr)


async def test_a_reader_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    admission = RecordingAdmission()
    with mosquitto(tmp_path, DEVICES) as broker:
        async with reading(broker.address(), RecordingAdmission()):
            pass
        await publish(broker, range(300))
        admitted = []
        for _ in range(3):
            admitted += await asyncio.to_thread(read_then_kill, broker.address(), 30)
        async with reading(broker.address(), admission):
            await eventually(
                lambda: {int(one) for one in [*admitted, *admission.payloads]} == set(range(300)),
                what="each was admitted by one of the readers",
            )


async def test_the_downlink_reaches_the_device(tmp_path: Path) -> None:
    command = Command(id="cmd_1", device="dev_a", kind="alarm_received", at_ms=0, alarm="7", alert="alr_1")
    with mosquitto(tmp_path, DEVICES) as broker:
        downlink = Downlink(broker.address(), SystemClock())
        task = asyncio.create_task(downlink.run())
        await asyncio.wait_for(downlink.until_connected(), PATIENCE_S)
        async with Client(
            "127.0.0.1", broker.port, username="dev_a", password=DEVICES["dev_a"], protocol=ProtocolVersion.V5
        ) as client:
            await client.subscribe("vigil/v1/dev_a/down", qos=1)
            await asyncio.gather(*(downlink.send(command) for _ in range(100)))
            async with asyncio.timeout(PATIENCE_S):
                for _ in range(100):
                    await anext(client.messages)
        broker.kill()
        await eventually(lambda: not downlink.connected, what="the loss is noticed")
        broker.start()
        await asyncio.wait_for(downlink.until_connected(), PATIENCE_S)
        await downlink.send(command)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
