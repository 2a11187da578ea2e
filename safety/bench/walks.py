"""Walks: the fixes of many devices, published cheaply: `python -m safety.bench.walks ROSTER PORT RATE`.

Each device of ROSTER logs in at the broker on 127.0.0.1:PORT with a connection of its own; together they
publish RATE fixes a second at QoS 1, in turn, until the other end of stdin is closed. A packet is a few bytes
put together: a real client library takes thirty times as long, and with it a machine of its own. A device
that has too much unacknowledged leaves out its turn: a service that is too slow gets what it can take.
"""

import asyncio
import sys
from itertools import cycle
from pathlib import Path
from typing import cast

import msgspec
import uvloop

from devices import topics
from devices.clock import Clock, SystemClock
from safety.bench.cast import LAT, LON, Credentials
from safety.bench.errors import BenchFailed

WALKING = "walking"
"""Said in a line of its own once all are connected."""

_TICK_S = 0.005
_CONNECTS_WITHIN_S = 120.0
_AT_ONCE = 50
_UNACKNOWLEDGED = 40
_KEEP_ALIVE_S = 60
_CLEAN_WITH_LOGIN = 0xC2
_CONNACK_BYTES = _PUBACK_BYTES = 4
_IDS = 60_000


class _Roster(msgspec.Struct):
    devices: list[dict[str, str]]


class Walker(asyncio.Protocol):
    """One device's connection, MQTT 3.1.1. `online` has a result when the broker has let it in."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._topic = _text(topics.up(credentials.id, "location"))
        self._transport: asyncio.WriteTransport | None = None
        self._sent = self._received_bytes = 0
        self.online: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        words = b"".join(_text(word) for word in (self._credentials.id, *self._credentials))
        head = _text("MQTT") + bytes([4, _CLEAN_WITH_LOGIN]) + _KEEP_ALIVE_S.to_bytes(2, "big")
        self._transport.write(b"\x10" + _length(len(head) + len(words)) + head + words)

    def data_received(self, data: bytes) -> None:
        # It has subscribed to nothing: after the CONNACK there come PUBACKs, and each has four bytes.
        self._received_bytes += len(data)
        if not self.online.done():
            if data[3]:
                self.online.set_exception(BenchFailed(f"{self._credentials.id} is refused: {data[3]}"))
            else:
                self.online.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if not self.online.done():
            self.online.set_exception(BenchFailed(f"{self._credentials.id} is not let in: {error}"))

    def walk(self, now_ms: int) -> None:
        """Publish a fix, unless it is gone or too much of what it said waits for its acknowledgement."""
        acknowledged = (self._received_bytes - _CONNACK_BYTES) // _PUBACK_BYTES
        if self._transport is None or self._sent - acknowledged >= _UNACKNOWLEDGED:
            return
        self._sent += 1
        fix = b'{"seq":%d,"time":%d,"lat":%f,"lon":%f,"accuracy_m":9.0,"battery_pct":80}' % (
            *(self._sent, now_ms),
            *(LAT + self._sent % 7 * 1e-5, LON + self._sent % 5 * 1e-5),
        )
        body = self._topic + (self._sent % _IDS + 1).to_bytes(2, "big") + fix
        self._transport.write(b"\x32" + _length(len(body)) + body)


async def drive(devices: list[Credentials], port: int, rate_per_s: float, clock: Clock) -> None:
    """Connect `devices`, and publish until cancelled.

    Raises:
        BenchFailed: one of them is not let in.
    """
    loop = asyncio.get_running_loop()
    walkers: list[Walker] = []
    async with asyncio.timeout(_CONNECTS_WITHIN_S):
        for start in range(0, len(devices), _AT_ONCE):
            some = [Walker(device) for device in devices[start : start + _AT_ONCE]]
            for walker in some:
                await loop.create_connection(lambda walker=walker: walker, "127.0.0.1", port)  # type: ignore[misc]
            await asyncio.gather(*(walker.online for walker in some))
            walkers += some
    sys.stdout.write(f"{WALKING}\n")
    sys.stdout.flush()
    turn, began_s, done = cycle(walkers), clock.monotonic_s(), 0
    while True:
        due = int((clock.monotonic_s() - began_s) * rate_per_s)
        now_ms = clock.now_ms()
        for _ in range(due - done):
            next(turn).walk(now_ms)
        done = due
        await clock.sleep_s(_TICK_S)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _length(size: int) -> bytes:
    """Return the length of an MQTT packet's rest, of less than 16,384 bytes (MQTT 3.1.1 §2.2.3)."""
    return bytes([size]) if size < 0x80 else bytes([size % 0x80 | 0x80, size // 0x80])


async def _until_alone(devices: list[Credentials], port: int, rate_per_s: float) -> None:
    driving = asyncio.ensure_future(drive(devices, port, rate_per_s, SystemClock()))
    # Whoever started this holds the other end: when that is gone, there is nothing to read but the end.
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), driving.cancel)
    try:
        await driving
    except asyncio.CancelledError:
        return


if __name__ == "__main__":
    _roster = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=_Roster)
    _devices = [Credentials(**device) for device in _roster.devices]
    uvloop.run(_until_alone(_devices, int(sys.argv[2]), float(sys.argv[3])))
