"""MqttClient: aiomqtt's client, which waits to write only on a socket that is still its own."""

from typing import Any

from aiomqtt import Client
from aiomqtt.types import PahoSocket


class MqttClient(Client):
    """aiomqtt has the loop watch a descriptor from its next turn on.

    The connection may have ended by then: the number is nobody's, and the loop logs a fault, or it is
    somebody else's by now.
    """

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: PahoSocket) -> None:
        def write() -> None:
            try:
                client.loop_write()
            except Exception as error:  # noqa: BLE001  # whoever uses the client is told, as by aiomqtt
                if not self._disconnected.done():
                    self._disconnected.set_exception(error)

        def watch() -> None:
            if sock.fileno() >= 0:
                self._loop.add_writer(sock.fileno(), write)

        # It may be the thread that connects.
        self._loop.call_soon_threadsafe(watch)
