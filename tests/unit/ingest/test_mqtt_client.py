"""The MQTT client: what it has the loop watch is its own socket, while that is open."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from ingest.mqtt_client import MqttClient


async def next_turn() -> None:
    """Return when the loop has done what it was asked to do so far."""
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned


def wants_to_write(client: MqttClient) -> Callable[[socket.socket], None]:
    """What paho calls when it has something to send on a socket."""
    hook: Any = client._client.on_socket_register_write
    return lambda sock: hook(client._client, None, sock)


@pytest.mark.parametrize("reused", [False, True])
async def test_a_socket_that_was_closed_meanwhile_is_not_watched(reused: bool) -> None:
    loop = asyncio.get_running_loop()
    faults: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: faults.append(context))
    ours, far = socket.socketpair()
    number = ours.fileno()
    wants_to_write(MqttClient("vigil.test"))(ours)
    ours.close()
    others = socket.socketpair() if reused else ()
    assert reused == (number in [other.fileno() for other in others])
    await next_turn()
    assert faults == []
    assert not loop.remove_writer(number)
    for each in (far, *others):
        each.close()


async def test_a_socket_that_is_open_is_watched() -> None:
    loop = asyncio.get_running_loop()
    ours, far = socket.socketpair()
    with ours, far:
        wants_to_write(MqttClient("vigil.test"))(ours)
        await next_turn()
        assert loop.remove_writer(ours)
