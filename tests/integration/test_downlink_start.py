"""The downlink at a start: what is owed already goes out as soon as there is a connection."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from devices.clock import SystemClock
from devices.commands import Command
from ingest.downlink import Downlink
from tests.support.brokers import embedded_broker
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.integration


async def test_a_command_waits_for_the_first_connection(tmp_path: Path) -> None:
    command = Command(id="cmd_1", device="dev_a", kind="alarm_received", at_ms=0, alarm="7", alert="alr_1")
    async with embedded_broker(tmp_path, "dev_a") as embedded:
        downlink = Downlink(embedded.address, SystemClock())
        sending = asyncio.create_task(downlink.send(command))
        running = asyncio.create_task(downlink.run())
        await asyncio.wait_for(sending, PATIENCE_S)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
