"""The live feed on a real server: what its clients see, whose it is, and what a cursor brings back."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from safety.api.hub import HEARTBEAT_S
from safety.store.database import database_url
from safety.store.tables import timeline
from tests.support.dispatch import House, build_store, opened, place_nurse
from tests.support.serving import Served, receive, receive_type, serving

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


async def test_the_first_frame_is_the_whole_picture_of_ones_own(served: Served) -> None:
    ours, child = served.dispatch.ours, served.dispatch.child
    async with served.live(ours) as connection:
        first = await receive(connection)
    assert first["type"] == "snapshot"
    assert isinstance(first["cursor"], str)
    assert {alert["id"] for alert in first["alerts"]} == {ours.alert, child.alert}
    assert {position["nurse"] for position in first["positions"]} == {ours.nurse, child.nurse}
    assert {device["id"] for device in first["devices"]} == {ours.device, child.device}


async def test_a_picture_too_large_for_one_frame_goes_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safety.api.snapshots.PAGE_SIZE", 1)
    ours, child = served.dispatch.ours, served.dispatch.child
    async with served.live(ours) as connection:
        frames = [await receive(connection) for _ in range(3)]
    assert [frame["type"] for frame in frames] == ["snapshot", "position", "device"]
    assert {one["nurse"] for frame in frames[:2] for one in frame["positions"]} == {ours.nurse, child.nurse}
    assert {one["id"] for frame in frames[::2] for one in frame["devices"]} == {ours.device, child.device}


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
        live = dispatch.raise_alarm(dispatch.ours, "and then live")
        frames = [await receive_type(connection, "alert")]
        while frames[-1]["alert"]["id"] != live:
            frames.append(await receive_type(connection, "alert"))
    # The nurse's first alert is told of each that joins its incident, and so is seen again too.
    seen = [frame["alert"]["id"] for frame in frames]
    assert [alert for alert in seen if alert != dispatch.ours.alert] == [*missed, live]
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


async def test_a_device_that_is_revoked_is_seen(served: Served) -> None:
    dispatch = served.dispatch
    async with served.live(dispatch.ours) as connection, dispatch.client(dispatch.ours, "admin") as client:
        await receive_type(connection, "snapshot")
        await client.patch(f"/api/v1/devices/{dispatch.child.device}", json={"revoked": True})
        frame = await served.pushing(receive_type(connection, "device"))
    assert (frame["device"]["id"], frame["device"]["revoked"]) == (dispatch.child.device, True)


async def test_a_device_that_goes_offline_is_seen(served: Served) -> None:
    dispatch = served.dispatch
    async with served.live(dispatch.ours) as connection:
        await receive_type(connection, "snapshot")
        dispatch.go_offline(dispatch.ours)
        frame = await served.pushing(receive_type(connection, "device"))
    assert (frame["device"]["id"], frame["device"]["state"]) == (dispatch.ours.device, "offline")
