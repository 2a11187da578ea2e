"""The live feed's WebSocket: `/api/v1/live`."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from safety.api.clients import SESSION_OVER, Ending, LiveClient
from safety.api.context import Context, context_of
from safety.api.hub import LiveHub
from safety.api.people import SESSION_COOKIE, bearer_token, is_same_origin
from safety.store.sessions import Person, find_session

router = APIRouter()

_CLOSE_TIMEOUT_S = 1.0


@router.websocket("/live")
async def live(
    websocket: WebSocket,
    after: Annotated[str | None, Query(description="the cursor of the last frame seen")] = None,
) -> None:
    """Send a snapshot, or what was missed since `after`, and then every change as it happens."""
    services = context_of(websocket)
    token = bearer_token(websocket.headers)
    if token is None:
        token = websocket.cookies.get(SESSION_COOKIE)
        if not is_same_origin(websocket.headers):
            await websocket.close(4403)  # before the handshake is done: an HTTP 403
            return
    person = await _person(services, token)
    await websocket.accept()
    if person is None:
        await _close(websocket, SESSION_OVER)
        return
    async with services.hub.joined(person) as client:
        ending = await _serve(websocket, services.hub, client, after)
    if ending is not None:
        await _close(websocket, ending)


async def _person(services: Context, token: str | None) -> Person | None:
    if not token:
        return None
    now_ms = services.clock.now_ms()
    return await services.database.read(lambda connection: find_session(connection, token, now_ms))


async def _serve(websocket: WebSocket, hub: LiveHub, client: LiveClient, after: str | None) -> Ending | None:
    """Send frames until the client leaves (None), or the server has a reason to end it."""
    sending = asyncio.create_task(_send(websocket, hub, client, after), name="live-send")
    receiving = asyncio.create_task(_receive(websocket), name="live-receive")
    try:
        either: set[asyncio.Future[Any]] = {sending, receiving, client.ended}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        receiving.cancel()
        results = await asyncio.gather(sending, receiving, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
            raise result
    return client.ended.result() if client.ended.done() else None


async def _send(websocket: WebSocket, hub: LiveHub, client: LiveClient, after: str | None) -> None:
    opening = await hub.open(client, after)
    for frame in opening.frames:
        await websocket.send_text(frame.text)
    filling = asyncio.create_task(hub.fill(client, opening), name="live-fill")
    try:
        while True:
            frame = await client.outbox.get()
            if not 0 < frame.seq <= opening.seq:
                await websocket.send_text(frame.text)
    finally:
        filling.cancel()


async def _receive(websocket: WebSocket) -> None:
    # Nothing is expected, but only who reads learns that the other side is gone.
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _close(websocket: WebSocket, ending: Ending) -> None:
    try:
        # Towards a client that does not read, not even this gets through.
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await websocket.close(ending.code, ending.reason)
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        return
