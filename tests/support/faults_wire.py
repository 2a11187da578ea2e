"""Wire: one MQTT connection of a device that knows, message by message, what was acknowledged."""

import asyncio
from collections.abc import Callable
from itertools import cycle
from typing import cast

from ingest.broker import packets
from ingest.broker.framing import Framer
from tests.support import raw_mqtt

_CONNECT_DEADLINE_S = 5.0
_LARGEST_BYTES = 1 << 22


class NotReached(Exception):
    """The broker could not be reached, did not answer, or refused."""


class Wire(asyncio.Protocol):
    """Publishes at QoS 1, as many at once as it is told to; `hear` takes what comes down."""

    def __init__(self, hear: Callable[[bytes], None]) -> None:
        self._hear = hear
        self._framer = Framer(_LARGEST_BYTES)
        self._packet_ids = cycle(range(1, 65_536))
        self._waiting: dict[int, Callable[[], None]] = {}
        loop = asyncio.get_running_loop()
        self._answers = {kind: loop.create_future() for kind in (packets.CONNACK, packets.SUBACK)}
        self.lost = asyncio.Event()

    @classmethod
    async def open(cls, port: int, device: str, secret: str, hear: Callable[[bytes], None]) -> "Wire":
        """Log in as `device` and subscribe to its `down`.

        Raises:
            NotReached: it cannot be done just now.
        """
        loop = asyncio.get_running_loop()
        try:
            _, wire = await loop.create_connection(lambda: cls(hear), "127.0.0.1", port)
        except OSError as error:
            raise NotReached(f"{device}: {error}") from error
        try:
            await wire._log_in(device, secret)
        except BaseException:
            wire.close()
            raise
        return wire

    @property
    def unacknowledged(self) -> int:
        """How many publishes have no PUBACK yet."""
        return len(self._waiting)

    def publish(self, topic: str, payload: bytes, acknowledged: Callable[[], None]) -> None:
        """Publish; `acknowledged` is called once the PUBACK is here. On a lost connection it never is."""
        if self._transport.is_closing():
            return
        packet_id = next(self._packet_ids)
        while packet_id in self._waiting:
            packet_id = next(self._packet_ids)
        self._waiting[packet_id] = acknowledged
        self._transport.write(raw_mqtt.publish(topic.encode(), payload, packet_id))

    def close(self) -> None:
        """Vanish without a DISCONNECT."""
        self._transport.abort()

    async def _log_in(self, device: str, secret: str) -> None:
        name = device.encode()
        self._transport.write(raw_mqtt.connect(name, name, secret.encode(), keep_alive_s=0))
        granted = await self._answer(packets.CONNACK)
        if granted[1] != packets.ACCEPTED:
            raise NotReached(f"{device}: refused with {granted[1]}")
        self._transport.write(raw_mqtt.subscribe(f"vigil/v1/{device}/down".encode(), 1))
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
                self._waiting.pop(packets.read_acknowledged(frame))()
            elif frame.kind == packets.PUBLISH:
                command = packets.read_publish(frame)
                if command.qos:
                    self._transport.write(packets.acknowledgement(packets.PUBACK, command.packet_id))
                self._hear(command.payload)
            elif frame.kind in self._answers and not self._answers[frame.kind].done():
                self._answers[frame.kind].set_result(frame.body)
