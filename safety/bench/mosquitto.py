"""Mosquitto: a broker of the benchmark's own, with nothing between its clients and its loop."""

import asyncio
import shutil
import socket
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from devices.clock import Clock
from ingest.address import BrokerAddress
from safety.bench.errors import BenchFailed

_WHERE = "/usr/local/sbin:/usr/sbin:/opt/homebrew/sbin"
"""Where it stands when it is not on the path of whoever is no administrator."""
_LISTENS_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.05


@asynccontextmanager
async def open_mosquitto(directory: Path, clock: Clock, window: int) -> AsyncIterator[BrokerAddress]:
    """Run a Mosquitto that keeps all for who is away, and sends `window` messages ahead of acknowledgements.

    Raises:
        BenchFailed: there is none on this machine, or it does not start.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path=_WHERE)
    if program is None:
        raise BenchFailed("no mosquitto here: install it (Debian, Ubuntu: apt-get install mosquitto)")
    address = BrokerAddress(host="127.0.0.1", port=_free_port())
    configuration = directory / "mosquitto.conf"
    lines = [
        f"listener {address.port} {address.host}",
        "allow_anonymous true",
        "persistence false",
        "max_queued_messages 0",
        f"max_inflight_messages {window}",
        "set_tcp_nodelay true",
    ]
    configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(configuration), stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        async with asyncio.timeout(_LISTENS_WITHIN_S):
            while not _listens(address):
                if process.returncode is not None:
                    raise BenchFailed(f"mosquitto ended with code {process.returncode}")
                await clock.sleep_s(_LOOK_EVERY_S)
        yield address
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _listens(address: BrokerAddress) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address.host, address.port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
