"""Snapshots: many who ask at once share few readings, and nobody gets a picture older than their question."""

import asyncio
import json

from safety.api.places import PlaceWatch
from safety.api.snapshots import Snapshots
from safety.store.queries import Scope
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
