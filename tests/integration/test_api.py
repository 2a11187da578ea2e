"""The API served for real: who is let in, and what becomes of slow clients, large bodies and a stop."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from safety.api.hub import POLL_S
from safety.api.server import listen
from safety.store.database import database_url
from safety.store.sessions import end_sessions_of
from safety.store.tables import metadata, timeline
from tests.support.dispatch import PASSWORD, Dispatch, House, build_store, opened
from tests.support.serving import Served, closing_code, receive, receive_type, serving
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, House]]:
    path = tmp_path_factory.mktemp("store")
    return path, build_store(database_url(path))


@pytest.fixture
async def served(built: tuple[Path, dict[str, House]], tmp_path: Path) -> AsyncIterator[Served]:
    shutil.copy(built[0] / "vigil.db", tmp_path)
    with opened(database_url(tmp_path), built[1], max_queued_frames=40) as dispatch:
        async with serving(dispatch) as served:
            yield served


async def test_nobody_is_turned_away_with_4401(served: Served) -> None:
    async with served.live(None) as connection:
        assert await closing_code(connection) == 4401
    async with served.live(None, Authorization="Bearer nonsense") as connection:
        assert await closing_code(connection) == 4401


async def test_logging_out_ends_the_connection(served: Served) -> None:
    dispatch = served.dispatch
    async with served.live(dispatch.ours) as connection:
        await receive_type(connection, "snapshot")
        with dispatch.database.writing() as store:
            end_sessions_of(store, dispatch.ours.users["dispatcher"])
        assert await served.pushing(closing_code(connection)) == 4401


async def test_the_end_of_a_session_ends_the_connection(served: Served) -> None:
    async with served.live(served.dispatch.ours, ttl_s=5) as connection:
        await receive_type(connection, "snapshot")
        assert await served.pushing(closing_code(connection)) == 4401


async def test_a_cookie_counts_only_from_our_own_page(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.url, trust_env=False) as client:
        login = {"username": served.dispatch.ours.logins["dispatcher"], "password": PASSWORD}
        answer = await client.post("/api/v1/session", json=login)
    assert answer.status_code == 200
    cookie = f"vigil_session={answer.cookies['vigil_session']}"
    own_page = f"http://127.0.0.1:{served.port}"
    async with served.live(None, Cookie=cookie, Origin=own_page) as connection:
        assert (await receive(connection))["type"] == "snapshot"
    with pytest.raises(InvalidStatus) as refused:
        async with served.live(None, Cookie=cookie, Origin="https://elsewhere.example"):
            pass
    assert refused.value.response.status_code == 403


async def test_a_client_that_stops_reading_is_given_up_and_holds_up_nobody(served: Served) -> None:
    dispatch = served.dispatch
    async with served.live(dispatch.ours) as reading:
        await receive_type(reading, "snapshot")
        with await _stalled(served) as _stalled_socket:
            await eventually(lambda: _figure(dispatch, "vigil_live_clients") == 2)

            async def flood() -> bool:
                alert = dispatch.raise_alarm(dispatch.ours, f"flood {dispatch.clock.now_ms()}", fat=True)
                dispatch.clock.advance_s(0.001)
                # Each joins the incident of the first, which is told as well.
                while (await receive_type(reading, "alert"))["alert"]["id"] != alert:
                    continue
                return _figure(dispatch, "vigil_live_stalled_total") == 1

            await eventually(flood, 120, "the stalled client given up")
        await eventually(lambda: _figure(dispatch, "vigil_live_clients") == 1)


async def _stalled(served: Served) -> socket.socket:
    """A socket that shakes hands for the feed and then never reads again."""
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(stalled, ("127.0.0.1", served.port))
    request = (
        f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Authorization: Bearer {served.dispatch.token(served.dispatch.ours)}\r\n\r\n"
    )
    await loop.sock_sendall(stalled, request.encode())
    return stalled


def _figure(dispatch: Dispatch, name: str) -> float | None:
    return dispatch.registry.get_sample_value(name)


async def test_a_store_that_cannot_be_read_stops_the_heartbeat_but_not_the_service(served: Served) -> None:
    dispatch = served.dispatch
    async with served.live(dispatch.ours) as connection:
        await receive_type(connection, "snapshot")
        with dispatch.database.writing() as store:
            timeline.drop(store)
        for _ in range(20):
            dispatch.clock.advance_s(POLL_S)
            await eventually(lambda: (_figure(dispatch, "vigil_live_read_failures_total") or 0) > 0)
        async with dispatch.client(dispatch.ours) as client:
            answer = await client.get(f"/api/v1/alerts/{dispatch.ours.alert}")
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "1"
        with dispatch.database.writing() as store:
            metadata.create_all(store)
        assert (await served.pushing(receive_type(connection, "heartbeat")))["type"] == "heartbeat"


async def test_stopping_tells_clients_to_come_back(
    built: tuple[Path, dict[str, House]], tmp_path: Path
) -> None:
    shutil.copy(built[0] / "vigil.db", tmp_path)
    with opened(database_url(tmp_path), built[1]) as dispatch:
        async with serving(dispatch) as served:
            connection = await served.live(dispatch.ours)
            await receive_type(connection, "snapshot")
        assert await closing_code(connection) == 1012


async def test_a_taken_port_is_an_error_not_an_exit(served: Served) -> None:
    with pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", served.port)


async def test_a_body_that_never_ends_is_cut_off(served: Served) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 65_536

    async with httpx.AsyncClient(base_url=served.url, trust_env=False) as client:
        try:
            answer = await client.post("/api/v1/session", content=endless())
        except httpx.TransportError:
            return  # cut off before the answer was read
    assert answer.status_code == 413
