"""Serving: the API on a real server and a free port, and clients of its live feed."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from safety.api.hub import POLL_S
from safety.api.server import listen, serve
from tests.support.dispatch import Dispatch, House
from tests.support.waiting import PATIENCE_S, eventually

Json = dict[str, Any]


class Served:
    """The API on a port of its own, its hub running on a clock that is pushed."""

    def __init__(self, dispatch: Dispatch, port: int) -> None:
        self.dispatch = dispatch
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def live(self, house: House | None, query: str = "", *, ttl_s: float = 3600, **headers: str) -> connect:
        """A connection of the house's dispatcher to the live feed; `async with` it."""
        if house is not None:
            headers["Authorization"] = f"Bearer {self.dispatch.token(house, ttl_s=ttl_s)}"
        url = f"ws://127.0.0.1:{self.port}/api/v1/live{query}"
        return connect(
            url, additional_headers=headers, proxy=None, ping_interval=None, open_timeout=PATIENCE_S
        )

    async def pushing(self, awaited: Awaitable[Any]) -> Any:
        """Push the clock in the hub's own steps until `awaited` is there."""
        task = asyncio.ensure_future(awaited)

        def step() -> bool:
            self.dispatch.clock.advance_s(POLL_S)
            return task.done()

        await eventually(step, what="the feed")
        return task.result()


@asynccontextmanager
async def serving(dispatch: Dispatch) -> AsyncIterator[Served]:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    listener = listen("127.0.0.1", 0)
    tasks = [
        asyncio.create_task(dispatch.hub.run(), name="hub"),
        asyncio.create_task(serve(dispatch.app, listener, started=port.set_result), name="http"),
    ]
    try:
        yield Served(dispatch, await asyncio.wait_for(port, PATIENCE_S))
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results), results


async def receive(connection: ClientConnection) -> Json:
    frame: Json = json.loads(await asyncio.wait_for(connection.recv(), PATIENCE_S))
    return frame


async def receive_type(connection: ClientConnection, kind: str) -> Json:
    while (frame := await receive(connection))["type"] != kind:
        pass
    return frame


async def drain(connection: ClientConnection) -> None:
    while True:
        await asyncio.wait_for(connection.recv(), PATIENCE_S)


async def closing_code(connection: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosed) as closed:
        await drain(connection)
    return closed.value.rcvd.code if closed.value.rcvd else None
