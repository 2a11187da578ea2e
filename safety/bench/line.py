"""Line: one MQTT connection of a benchmark, with the same client library as ingest's own."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import gmqtt

from ingest.address import BrokerAddress

_CONNECTS_WITHIN_S = 10.0
_NEVER = -2  # reconnects: a lost connection spoils the measurement, and is noticed by what does not come
Heard = Callable[[str, bytes], None]

logging.getLogger("gmqtt").setLevel(logging.CRITICAL)


class Line:
    """Publishes at QoS 1, and tells `heard` each message in the moment in which it has come."""

    def __init__(
        self, address: BrokerAddress, client_id: str, heard: Heard, *, lasting: bool = False
    ) -> None:
        self._address = address
        self._heard = heard
        self._subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client = gmqtt.Client(client_id, clean_session=not lasting)
        self._client.reconnect_retries = _NEVER
        self._client.on_message = self._received
        self._client.on_subscribe = self._granted
        self._client.set_auth_credentials(address.username, address.password)

    async def open(self, filters: Sequence[str]) -> None:
        """Connect and subscribe to `filters`.

        Raises:
            TimeoutError: the broker does not let it.
        """
        address = self._address
        async with asyncio.timeout(_CONNECTS_WITHIN_S):
            await self._client.connect(address.host, address.port, version=address.version.value)
            self._client.subscribe([gmqtt.Subscription(one, qos=1) for one in filters])
            await self._subscribed

    def publish(self, topic: str, payload: bytes) -> None:
        """Send `payload`, now."""
        self._client.publish(topic, payload, qos=1)

    async def close(self) -> None:
        """Disconnect."""
        await self._client.disconnect()

    async def _received(self, _: object, topic: str | bytes, payload: bytes, *__: object) -> int:
        self._heard(topic if isinstance(topic, str) else topic.decode(), payload)
        return 0

    def _granted(self, *_: Any) -> None:
        if not self._subscribed.done():
            self._subscribed.set_result(None)
