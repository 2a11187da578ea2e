"""The embedded broker from outside: when it ends, and what it had acknowledged when it is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devices.clock import SystemClock
from ingest.broker.server import BrokerFailed, EmbeddedBroker
from tests.support.broker_site import BrokerSite
from tests.support.brokers import Embedded, embedded_broker
from tests.support.raw_mqtt import RawClient, publish
from tests.support.waiting import PATIENCE_S, eventually, wait_until

pytestmark = pytest.mark.integration

STARTER = """
import asyncio, sys
from devices.clock import SystemClock
from ingest.broker.server import EmbeddedBroker

async def start():
    print(await EmbeddedBroker("127.0.0.1", 0, sys.argv[1], SystemClock()).start(), flush=True)
    await asyncio.Event().wait()

asyncio.run(start())
"""


def test_dies_with_who_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, f"sqlite:///{tmp_path / 'registry.db'}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        RawClient(port).close()
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: _unreachable(port), what="the broker is gone")


def _unreachable(port: int) -> bool:
    try:
        RawClient(port).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_is_started_again_on_its_port_and_stopped_for_good(tmp_path: Path) -> None:
    async with embedded_broker(tmp_path, "dev_a") as embedded:
        keeping = asyncio.create_task(embedded.broker.wait())
        port, pid = embedded.port, embedded.broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await restarted(embedded, pid)
        await embedded.broker.stop()
        await asyncio.wait_for(keeping, PATIENCE_S)
        assert _unreachable(port)


async def test_what_it_acknowledged_before_it_was_killed_was_admitted(site: BrokerSite) -> None:
    keeping = asyncio.create_task(site.embedded.broker.wait())
    for round_number in range(3):
        pid = site.embedded.broker.pid
        assert pid is not None
        acknowledged = await asyncio.to_thread(publish_until_killed, site, round_number * 10_000, pid)
        assert len(acknowledged) > 20
        assert acknowledged <= set(site.admission.payloads)
        await restarted(site.embedded, pid)
    await site.embedded.broker.stop()
    await keeping


async def restarted(embedded: Embedded, pid: int) -> None:
    """Wait until another process than `pid` listens."""
    await eventually(lambda: embedded.broker.pid not in {pid, None}, what="another process")
    await eventually(lambda: not _unreachable(embedded.port), what="it listens again")


def publish_until_killed(site: BrokerSite, first: int, pid: int) -> set[bytes]:
    """Publish as fast as the window allows, kill the broker, and return what it had acknowledged."""
    acknowledged: set[bytes] = set()
    with site.device("dev_a") as client:
        sent = [publish(b"vigil/v1/dev_a/location", b"%d" % (first + n), n + 1) for n in range(2000)]
        client.send(b"".join(sent))
        while (frame := client.next()) is not None:
            acknowledged.add(b"%d" % (first + int.from_bytes(frame.body) - 1))
            if len(acknowledged) == 25:
                os.kill(pid, signal.SIGKILL)
    return acknowledged


async def test_a_taken_port_is_said_so(tmp_path: Path) -> None:
    async with embedded_broker(tmp_path) as embedded:
        url = f"sqlite:///{tmp_path / 'registry.db'}"
        second = EmbeddedBroker("127.0.0.1", embedded.port, url, SystemClock())
        with pytest.raises(BrokerFailed, match=f":{embedded.port}: cannot listen"):
            await second.start()
