"""Snapshots: many who ask at once share few readings, nobody gets a picture older than their question,
and of what one frame cannot hold nothing is left out."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import text

from safety.api import snapshots as module
from safety.api.clients import UNREADABLE, LiveClient
from safety.api.outbox import Frame, Outbox
from safety.api.places import PlaceWatch
from safety.api.snapshots import Snapshots
from safety.store.queries import Scope
from safety.store.sessions import find_session
from safety.store.tables import nurses, positions
from tests.support.dispatch import Dispatch


async def test_a_crowd_shares_two_pictures(dispatch: Dispatch) -> None:
    snapshots = Snapshots(dispatch.database, dispatch.clock)
    scope = Scope(dispatch.ours.org)
    pictures = await asyncio.gather(*(snapshots.take(scope) for _ in range(50)))
    # One for the first, one begun when all the others had asked.
    assert len({id(picture.frame) for picture in pictures}) == 2


async def test_who_asks_later_gets_what_happened_before(dispatch: Dispatch) -> None:
    snapshots = Snapshots(dispatch.database, dispatch.clock)
    scope = Scope(dispatch.ours.org)

    async def asks_later(number: int) -> None:
        alert = dispatch.raise_alarm(dispatch.ours, f"just before {number}")
        picture = await snapshots.take(scope)
        shown = json.loads(picture.frame.text)
        assert alert in {each["id"] for each in shown["alerts"]}
        assert int(shown["cursor"]) == picture.seq

    await asyncio.gather(*(asks_later(number) for number in range(10)))


async def test_each_organisation_gets_its_own_picture(dispatch: Dispatch) -> None:
    snapshots = Snapshots(dispatch.database, dispatch.clock)
    houses = [dispatch.ours, dispatch.child, dispatch.theirs] * 3
    pictures = await asyncio.gather(*(snapshots.take(Scope(house.org)) for house in houses))
    for house, picture in zip(houses, pictures, strict=True):
        assert house.alert in picture.frame.text
        strangers = {dispatch.ours.org, dispatch.theirs.org} - {house.org, dispatch.ours.org}
        if house is dispatch.theirs:
            strangers = {dispatch.ours.org, dispatch.child.org}
        assert not [org for org in strangers if org in picture.frame.text]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """One position and one device fill a frame."""
    monkeypatch.setattr(module, "PAGE_SIZE", 1)


async def picture_of(snapshots: Snapshots, scope: Scope) -> list[Frame]:
    picture = await snapshots.take(scope)
    return [picture.frame, *[frame async for frame in snapshots.rest(scope, picture)]]


@pytest.mark.usefixtures("narrow")
async def test_what_a_frame_cannot_hold_follows_and_the_alerts_come_first(dispatch: Dispatch) -> None:
    ours, child = dispatch.ours, dispatch.child
    frames = await picture_of(Snapshots(dispatch.database, dispatch.clock), Scope(ours.org))
    told: list[dict[str, Any]] = [json.loads(frame.text) for frame in frames]
    assert [each["type"] for each in told] == ["snapshot", "position", "device"]
    assert {alert["id"] for alert in told[0]["alerts"]} == {ours.alert, child.alert}
    positions = [position["nurse"] for each in told for position in each.get("positions", ())]
    assert sorted(positions) == sorted([ours.nurse, child.nurse])
    devices = [device["id"] for each in told for device in each.get("devices", ())]
    assert sorted(devices) == sorted([ours.device, child.device])
    # A panic passes by what is still to be sent.
    assert [frame.urgent for frame in frames] == [True, False, False]


@pytest.mark.usefixtures("narrow")
async def test_a_crowd_shares_the_following_frames_too(dispatch: Dispatch) -> None:
    snapshots = Snapshots(dispatch.database, dispatch.clock)
    scope = Scope(dispatch.ours.org)
    picture = await snapshots.take(scope)

    async def rest() -> list[Frame]:
        return [frame async for frame in snapshots.rest(scope, picture)]

    rests = await asyncio.gather(*(rest() for _ in range(50)))
    readings = [len({id(frame) for frame in frames}) for frames in zip(*rests, strict=True)]
    assert len(readings) == 2
    assert max(readings) <= 2


@pytest.mark.usefixtures("narrow")
async def test_a_store_that_fails_on_the_way_ends_the_connection(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    token = dispatch.token(ours)
    with dispatch.database.reading() as connection:
        person = find_session(connection, token, dispatch.clock.now_ms())
    assert person is not None
    client = LiveClient(person, frozenset({ours.org}), Outbox())
    opening = await dispatch.hub.open(client, None)
    with dispatch.database.writing() as connection:
        connection.execute(text("DROP TABLE positions"))
    await dispatch.hub.fill(client, opening)
    assert client.ended.result() is UNREADABLE


def test_very_many_positions_come_in_several_frames(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    many = range(2_500)
    place = {"device": ours.device, "lat": 31.0, "lon": 121.0, "time_ms": 1, "received_ms": 1, "revision": 99}
    with dispatch.database.writing() as connection:
        rows = [{"id": f"nur_{number}", "org": ours.org, "name": "x", "created_ms": 1} for number in many]
        connection.execute(nurses.insert(), rows)
        rows = [{"nurse": f"nur_{number}", "org": ours.org, **place} for number in many]
        connection.execute(positions.insert(), rows)
    orgs = frozenset({ours.org})
    with dispatch.database.reading() as connection:
        changes = PlaceWatch().read(connection, [orgs, frozenset()], 1)
    told = [json.loads(frame.text)["positions"] for frame in changes.frames[orgs]]
    assert [len(each) for each in told] == [1000, 1000, 501]
    assert len({position["nurse"] for each in told for position in each}) == 2_501
    assert changes.frames[frozenset()] == []
