"""Phone: a nurse's device that presses for help and waits to be told that it was received."""

import asyncio
from itertools import count

import msgspec

from devices import topics
from devices.clock import Clock
from ingest.address import BrokerAddress, MqttVersion
from safety.bench.cast import LAT, LON, Credentials
from safety.bench.line import Line


class _Told(msgspec.Struct):
    kind: str
    alarm: str | None = None


class Phone:
    """One device, connected to the broker at `port`."""

    def __init__(self, credentials: Credentials, port: int, clock: Clock) -> None:
        self.id = credentials.id
        self._clock = clock
        self._numbers = count(1)
        self._awaited: dict[str, asyncio.Future[float]] = {}
        address = BrokerAddress(
            host="127.0.0.1",
            port=port,
            username=credentials.id,
            password=credentials.secret,
            version=MqttVersion.V311,
        )
        self._line = Line(address, credentials.id, self._heard)

    async def open(self) -> None:
        """Connect, as a device does: with a subscription to its own `down`."""
        await self._line.open([topics.down(self.id)])

    def press(self) -> asyncio.Future[float]:
        """Publish a panic; the future has when (monotonic s) `alarm_received` came for it."""
        seq = next(self._numbers)
        alarm = f"press-{seq}"
        received = self._awaited[alarm] = asyncio.get_running_loop().create_future()
        panic = {
            "kind": "panic",
            "seq": seq,
            "id": alarm,
            "time": self._clock.now_ms(),
            "fix": {"lat": LAT, "lon": LON, "accuracy_m": 9.0},
        }
        self._line.publish(topics.up(self.id, "alarm"), msgspec.json.encode(panic))
        return received

    async def close(self) -> None:
        """Disconnect."""
        await self._line.close()

    def _heard(self, _: str, payload: bytes) -> None:
        now_s = self._clock.monotonic_s()
        told = msgspec.json.decode(payload, type=_Told)
        if told.kind == "alarm_received" and told.alarm in self._awaited:
            self._awaited.pop(told.alarm).set_result(now_s)
