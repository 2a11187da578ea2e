"""The floor of `vigil bench ingest`: a subscriber of ingest's client library that counts and acknowledges."""

import asyncio
import logging
from collections.abc import Sequence

import gmqtt

from ingest.address import BrokerAddress
from safety.bench.errors import BenchFailed

_CONNECTS_WITHIN_S = 120.0
"""The answer to a subscription stands behind all that waits for it."""
_SESSION_EXPIRY_S = 3_600
_NEVER = -2  # reconnects: a lost connection spoils the measurement, and is noticed by what does not come
_SUCCESS = 0

logging.getLogger("gmqtt").setLevel(logging.CRITICAL)


class Counter:
    """A bare subscriber with manual acknowledgement, and a session that outlives it."""

    def __init__(self, address: BrokerAddress, client_id: str, filters: Sequence[str], window: int) -> None:
        self._address = address
        self._filters = filters
        self._granted = asyncio.Event()
        self.heard = 0
        self._client = gmqtt.Client(
            client_id,
            clean_session=False,
            optimistic_acknowledgement=False,
            session_expiry_interval=_SESSION_EXPIRY_S,
            receive_maximum=window,
        )
        self._client.reconnect_retries = _NEVER
        self._client.on_message = self._received
        self._client.on_subscribe = lambda *_: self._granted.set()

    async def open(self) -> None:
        """Connect and subscribe.

        Raises:
            BenchFailed: the broker does not let it.
        """
        try:
            async with asyncio.timeout(_CONNECTS_WITHIN_S):
                await self._client.connect(self._address.host, self._address.port)
                self._client.subscribe([gmqtt.Subscription(one, qos=1) for one in self._filters])
                await self._granted.wait()
        except (OSError, TimeoutError) as error:
            raise BenchFailed(f"{self._address!r} lets nobody subscribe: {error!r}") from error

    async def close(self) -> None:
        """Disconnect; what comes waits in the broker."""
        await self._client.disconnect()

    async def _received(self, *_: object) -> int:
        self.heard += 1
        return _SUCCESS
