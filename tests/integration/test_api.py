"""The API served for real: uvicorn on a free port, WebSockets, and what happens to slow or dead clients."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from safety.api.hub import HEARTBEAT_S, POLL_S
from safety.api.server import serve
from safety.store.sessions import end_sessions_of
from safety.store.tables import metadata, timeline
from tests.support.dispatch import PASSWORD, Dispatch, House, build_store, opened, place_nurse
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

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
        return connect(url, additional_headers=headers, proxy=None, ping_interval=None)

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
    tasks = [
        asyncio.create_task(dispatch.hub.run(), name="hub"),
        asyncio.create_task(serve(dispatch.app, "127.0.0.1", 0, started=port.set_result), name="http"),
    ]
    try:
        yield Served(dispatch, await asyncio.wait_for(port, 10))
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results), results


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, House]]:
    path = tmp_path_factory.mktemp("store")
    return path, build_store(path)


@pytest.fixture
async def served(built: tuple[Path, dict[str, House]], tmp_path: Path) -> AsyncIterator[Served]:
    shutil.copy(built[0] / "vigil.db", tmp_path)
    with opened(tmp_path, built[1], max_queued_frames=40) as dispatch:
        async with serving(dispatch) as served:
            yield served


async def receive(connection: ClientConnection) -> Json:
    frame: Json = json.loads(await asyncio.wait_for(connection.recv(), 10))
    return frame


async def receive_type(connection: ClientConnection, kind: str) -> Json:
    while (frame := await receive(connection))["type"] != kind:
        pass
    return frame


async def drain(connection: ClientConnection) -> None:
    while True:
        await asyncio.wait_for(connection.recv(), 10)


async def closing_code(connection: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosed) as closed:
        await drain(connection)
    return closed.value.rcvd.code if closed.value.rcvd else None


async def test_the_first_frame_is_the_whole_picture_of_ones_own(served: Served) -> None:
    ours, child = served.dispatch.ours, served.dispatch.child
    async with served.live(ours) as connection:
        first = await receive(connection)
    assert first["type"] == "snapshot"
    assert isinstance(first["cursor"], str)
    assert {alert["id"] for alert in first["alerts"]} == {ours.alert, child.alert}
    assert {position["nurse"] for position in first["positions"]} == {ours.nurse, child.nurse}
    assert {device["id"] for device in first["devices"]} == {ours.device, child.device}


async def test_a_panic_is_there_without_any_waiting_for_time(served: Served) -> None:
    async with served.live(served.dispatch.ours) as connection:
        await receive_type(connection, "snapshot")
        # The clock stands still: only the waking brings it.
        alert = served.dispatch.raise_alarm(served.dispatch.child, "panic-1")
        frame = await receive_type(connection, "alert")
    assert (frame["alert"]["id"], frame["alert"]["kind"]) == (alert, "panic")


async def test_an_action_is_seen_by_everybody(served: Served) -> None:
    ours = served.dispatch.ours
    async with served.live(ours) as connection, served.dispatch.client(ours) as client:
        await receive_type(connection, "snapshot")
        answer = await client.post(f"/api/v1/alerts/{ours.alert}/acknowledge", json={"version": 1})
        frame = await receive_type(connection, "alert")
    assert answer.status_code == 200
    assert (frame["alert"]["state"], frame["alert"]["owner"]) == ("acknowledged", ours.logins["dispatcher"])


async def test_what_another_process_did_is_seen_at_the_next_turn(served: Served) -> None:
    ours = served.dispatch.ours
    async with served.live(ours) as connection:
        await receive_type(connection, "snapshot")
        with served.dispatch.database.writing() as store:
            entry = {"id": "elsewhere", "alert": ours.alert, "at_ms": 1, "what": "note", "detail": {}}
            store.execute(timeline.insert().values(entry))
        frame = await served.pushing(receive_type(connection, "alert"))
    assert frame["alert"]["id"] == ours.alert


async def test_strangers_see_nothing_of_it(served: Served) -> None:
    dispatch = served.dispatch
    async with served.live(dispatch.theirs) as connection:
        first = await receive(connection)
        dispatch.raise_alarm(dispatch.ours, "not for them")
        with dispatch.database.writing() as store:
            place_nurse(store, dispatch.ours, dispatch.clock.now_ms(), 31.0, 121.0)
        own = dispatch.raise_alarm(dispatch.theirs, "for them")
        frames = [first]
        while frames[-1]["type"] != "heartbeat":
            frames.append(await served.pushing(receive(connection)))
    seen = json.dumps(frames)
    assert own in seen
    assert not [mark for mark in dispatch.ours.marks() | dispatch.child.marks() if mark in seen]


async def test_a_parent_sees_an_organisation_that_is_new(served: Served) -> None:
    dispatch = served.dispatch
    async with served.live(dispatch.ours) as connection, dispatch.client(dispatch.ours, "admin") as client:
        await receive_type(connection, "snapshot")
        added = await client.post("/api/v1/orgs", json={"name": "new"})
        nurse = await client.post("/api/v1/nurses", json={"name": "new", "org": added.json()["id"]})
        house = House(**{**_fields(dispatch.ours), "org": added.json()["id"], "nurse": nurse.json()["id"]})
        alert = dispatch.raise_alarm(house, "in the new one")
        frame = await receive_type(connection, "alert")
    assert frame["alert"]["id"] == alert


def _fields(house: House) -> dict[str, Any]:
    return {name: getattr(house, name) for name in house.__struct_fields__}


async def test_after_a_drop_the_cursor_brings_what_was_missed_in_order(served: Served) -> None:
    dispatch = served.dispatch
    async with served.live(dispatch.ours) as connection:
        cursor = (await receive(connection))["cursor"]
    missed = [dispatch.raise_alarm(dispatch.ours, f"missed {n}") for n in range(3)]
    dispatch.raise_alarm(dispatch.theirs, "missed by them")
    async with served.live(dispatch.ours, f"?after={cursor}") as connection:
        frames = [await receive(connection) for _ in missed]
        live = dispatch.raise_alarm(dispatch.ours, "and then live")
        frames.append(await receive_type(connection, "alert"))
    assert [frame["alert"]["id"] for frame in frames] == [*missed, live]
    cursors = [int(frame["cursor"]) for frame in frames]
    assert cursors == sorted(set(cursors))


async def test_a_cursor_that_is_up_to_date_brings_nothing_twice(served: Served) -> None:
    async with served.live(served.dispatch.ours) as connection:
        cursor = (await receive(connection))["cursor"]
    async with served.live(served.dispatch.ours, f"?after={cursor}") as connection:
        frame = await served.pushing(receive(connection))
    assert frame["type"] == "heartbeat"
    assert frame["cursor"] == cursor


@pytest.mark.parametrize("cursor", ["", "garbage", "-1", "1e3", "999999999", "9" * 40, "%00"])
async def test_a_cursor_that_is_none_brings_a_snapshot(served: Served, cursor: str) -> None:
    async with served.live(served.dispatch.ours, f"?after={cursor}") as connection:
        assert (await receive(connection))["type"] == "snapshot"


async def test_a_cursor_whose_past_was_deleted_brings_a_snapshot(served: Served) -> None:
    async with served.live(served.dispatch.ours) as connection:
        cursor = (await receive(connection))["cursor"]
    served.dispatch.raise_alarm(served.dispatch.ours, "later")
    with served.dispatch.database.writing() as store:
        store.execute(timeline.delete().where(timeline.c.seq <= int(cursor)))
    async with served.live(served.dispatch.ours, f"?after={cursor}") as connection:
        assert (await receive(connection))["type"] == "snapshot"


async def test_heartbeats_come_at_least_every_five_seconds(served: Served) -> None:
    clock = served.dispatch.clock
    async with served.live(served.dispatch.ours) as connection:
        await served.pushing(receive_type(connection, "heartbeat"))
        before_s = clock.monotonic_s()
        beat = await served.pushing(receive_type(connection, "heartbeat"))
    assert beat["time"].endswith("Z")
    # The clock is pushed faster than frames travel; the hub itself promises three seconds.
    assert HEARTBEAT_S <= 5
    assert clock.monotonic_s() > before_s


async def test_positions_of_a_second_are_one_frame(served: Served) -> None:
    dispatch = served.dispatch
    async with served.live(dispatch.ours) as connection:
        await receive_type(connection, "snapshot")
        for house, lat in ((dispatch.ours, 31.1), (dispatch.child, 31.2), (dispatch.ours, 31.3)):
            with dispatch.database.writing() as store:
                place_nurse(store, house, dispatch.clock.now_ms() + round(lat), lat, 121.0)
        frame = await served.pushing(receive_type(connection, "position"))
    found = {position["nurse"]: position["lat"] for position in frame["positions"]}
    assert found == {dispatch.ours.nurse: 31.3, dispatch.child.nurse: 31.2}


async def test_a_device_that_goes_offline_is_seen(served: Served) -> None:
    dispatch = served.dispatch
    async with served.live(dispatch.ours) as connection:
        await receive_type(connection, "snapshot")
        dispatch.go_offline(dispatch.ours)
        frame = await served.pushing(receive_type(connection, "device"))
    assert (frame["device"]["id"], frame["device"]["state"]) == (dispatch.ours.device, "offline")


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
                frame = await receive_type(reading, "alert")
                assert frame["alert"]["id"] == alert
                return _figure(dispatch, "vigil_live_stalled_total") == 1

            await eventually(flood, 60, "the stalled client given up")
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
    loop = asyncio.get_running_loop()
    with opened(tmp_path, built[1]) as dispatch:
        async with serving(dispatch) as served:
            connection = await served.live(dispatch.ours)
            await receive_type(connection, "snapshot")
            stopping_s = loop.time()
        assert loop.time() - stopping_s < 3
        assert await closing_code(connection) == 1012


async def test_a_taken_port_is_an_error_not_an_exit(served: Served) -> None:
    with pytest.raises(OSError, match="in use"):
        await serve(served.dispatch.app, "127.0.0.1", served.port, started=lambda _port: None)


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
