"""Wire: one MQTT connection of a device that knows, message by message, what was acknowledged."""

import asyncio
import math
from collections.abc import Callable
from itertools import cycle
from typing import NamedTuple, cast

from ingest.broker import packets
from ingest.broker.framing import Framer
from tests.support import raw_mqtt

_CONNECT_DEADLINE_S = 5.0
_KEEP_ALIVE_S = 3600
_LARGEST_BYTES = 1 << 22


class NotReached(Exception):
    """The broker could not be reached, did not answer, or refused."""


class _Waiting(NamedTuple):
    acknowledged: Callable[[], None]
    at_s: float


_NONE = _Waiting(lambda: None, math.inf)


class Wire(asyncio.Protocol):
    """Publishes at QoS 1, as many at once as it is told to; `hear` takes what comes down."""

    def __init__(self, hear: Callable[[bytes], None]) -> None:
        self._hear = hear
        self._framer = Framer(_LARGEST_BYTES)
        self._packet_ids = cycle(range(1, 65_536))
        self._waiting: dict[int, _Waiting] = {}
        loop = asyncio.get_running_loop()
        self._answers = {kind: loop.create_future() for kind in (packets.CONNACK, packets.SUBACK)}
        self.lost = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(
        cls, port: int, device: str, secret: str, hear: Callable[[bytes], None], host: str = "127.0.0.1"
    ) -> "Wire":
        """Log in as `device` and subscribe to its `down`.

        Raises:
            NotReached: it cannot be done just now.
        """
        loop = asyncio.get_running_loop()
        wire = cls(hear)
        try:
            async with asyncio.timeout(_CONNECT_DEADLINE_S):
                await loop.create_connection(lambda: wire, host, port)
            await wire._log_in(device, secret)
        except (OSError, TimeoutError) as error:
            wire.close()
            raise NotReached(f"{device}: {error}") from error
        except BaseException:
            wire.close()
            raise
        return wire

    @property
    def unacknowledged(self) -> int:
        """How many publishes have no PUBACK yet."""
        return len(self._waiting)

    def silent_since(self, since_s: float) -> bool:
        """Tell whether what was published before `since_s` has no PUBACK yet."""
        return next(iter(self._waiting.values()), _NONE).at_s < since_s

    def publish(
        self, topic: str, payload: bytes, acknowledged: Callable[[], None], at_s: float = 0.0
    ) -> None:
        """Publish, at `at_s`; `acknowledged` is called at the PUBACK: on a lost connection never."""
        if self._transport is None or self._transport.is_closing():
            return
        packet_id = next(self._packet_ids)
        while packet_id in self._waiting:
            packet_id = next(self._packet_ids)
        self._waiting[packet_id] = _Waiting(acknowledged, at_s)
        self._write(raw_mqtt.publish(topic.encode(), payload, packet_id))

    def close(self) -> None:
        """Vanish without a DISCONNECT."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    async def _log_in(self, device: str, secret: str) -> None:
        name = device.encode()
        self._write(raw_mqtt.connect(name, name, secret.encode(), keep_alive_s=_KEEP_ALIVE_S))
        granted = await self._answer(packets.CONNACK)
        if granted[1] != packets.ACCEPTED:
            raise NotReached(f"{device}: refused with {granted[1]}")
        self._write(raw_mqtt.subscribe(f"vigil/v1/{device}/down".encode(), 1))
        if (await self._answer(packets.SUBACK))[2] == packets.SUBSCRIPTION_REFUSED:
            raise NotReached(f"{device}: may not hear its commands")

    async def _answer(self, kind: int) -> bytes:
        try:
            async with asyncio.timeout(_CONNECT_DEADLINE_S):
                return cast("bytes", await self._answers[kind])
        except TimeoutError as error:
            raise NotReached(f"no answer of kind {kind}") from error

    # ------------------------------------------------------------------ the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.clear()
        self.lost.set()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(NotReached("the connection is lost"))
                answer.exception()  # whoever waits hears it; if nobody does, nobody need be told

    def data_received(self, data: bytes) -> None:
        self._framer.feed(data)
        while (frame := self._framer.next()) is not None:
            if frame.kind == packets.PUBACK:
                self._waiting.pop(packets.read_acknowledged(frame)).acknowledged()
            elif frame.kind == packets.PUBLISH:
                command = packets.read_publish(frame)
                if command.qos:
                    self._write(packets.acknowledgement(packets.PUBACK, command.packet_id))
                self._hear(command.payload)
            elif frame.kind in self._answers and not self._answers[frame.kind].done():
                self._answers[frame.kind].set_result(frame.body)
