"""Overseer: what Vigil does at an outside broker beside reading it: ends sessions, and reports refusals."""

from collections.abc import Iterable

from aiomqtt import MqttError, ProtocolVersion

from ingest.address import REFUSED, BrokerAddress
from ingest.errors import NotConnected
from ingest.mqtt_client import MqttClient
from ingest.refused import Refused, encode

_DEADLINE_S = 5.0


class Overseer:
    """Uses Vigil's own login at `address`, each time over a connection of its own."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address

    async def end_session(self, device_id: str) -> None:
        """End the session of `device_id` by taking its client id over, where that is its device id.

        Raises:
            NotConnected: the broker does not let us.
        """
        await self._publish(device_id, ())

    async def report(self, refusals: Iterable[Refused]) -> None:
        """Hand `refusals` to ingest.

        Raises:
            NotConnected: the broker does not take them.
        """
        await self._publish("vigil-overseer", refusals)

    async def _publish(self, client_id: str, refusals: Iterable[Refused]) -> None:
        address = self._address
        client = MqttClient(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            identifier=client_id,
            protocol=ProtocolVersion.V311,
            clean_session=True,
            tls_context=address.tls,
            timeout=_DEADLINE_S,
        )
        try:
            async with client:
                for refused in refusals:
                    await client.publish(REFUSED, encode(refused), qos=1, timeout=_DEADLINE_S)
        except MqttError as error:
            raise NotConnected(f"{address!r}: {error}") from error
