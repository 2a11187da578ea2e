"""Fences over HTTP: everything that a file may say, refused with its place, mended when asked."""

from typing import Any

import pytest

from safety.domain.schedule import Schedule
from safety.planner import nurse_plan, org_plan
from tests.support.dispatch import START_MS, Dispatch

SQUARE = [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.3], [121.4, 31.2]]
BOWTIE = [[121.4, 31.2], [121.5, 31.3], [121.5, 31.2], [121.4, 31.3], [121.4, 31.2]]
LINE = {"type": "LineString", "coordinates": [[121.47, 31.23], [121.48, 31.24]]}
HOURS = {"days": "mon-fri", "from": "22:00", "to": "06:00", "zone": "Asia/Shanghai"}


def area(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


async def test_a_corridor_with_hours_and_limits_is_read_back_and_planned(dispatch: Dispatch) -> None:
    body = {"name": "canal", "geometry": LINE, "width_m": 40, "mode": "keep_out", "schedule": HOURS}
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        added = (await client.post("/api/v1/fences", json={**body, "limits": {"dwell_s": 60}})).json()
        assert added.pop("repairs") == []
        assert (added["width_m"], added["radius_m"], added["visit"]) == (40.0, None, None)
        assert added["schedule"] == {**HOURS, "days": ["mon", "tue", "wed", "thu", "fri"]}
        assert added["limits"] == {"dwell_s": 60.0}
        assert (await client.get(f"/api/v1/fences/{added['id']}")).json() == added
        assert added in (await client.get("/api/v1/fences")).json()["items"]
    with dispatch.database.reading() as connection:
        (plan,) = (f for f in org_plan(connection, dispatch.ours.org).fences if f.id == added["id"])
    assert (plan.width_m, plan.limits.dwell_s) == (40.0, 60.0)
    assert plan.schedule == Schedule(zone="Asia/Shanghai", days=(0, 1, 2, 3, 4), opens=1320, closes=360)


async def test_a_fence_of_one_visit(dispatch: Dispatch) -> None:
    ours, child = dispatch.ours, dispatch.child
    async with dispatch.client(ours, "supervisor") as client:
        body = {"name": "garden", "geometry": area(SQUARE), "visit": child.visit}
        fence = (await client.post("/api/v1/fences", json=body)).json()
        assert (fence["org"], fence["visit"]) == (child.org, child.visit)
        mixed = await client.post("/api/v1/fences", json={**body, "org": ours.org})
        assert mixed.json()["errors"][0]["field"] == "visit"
        stranger = await client.post("/api/v1/fences", json={**body, "visit": dispatch.theirs.visit})
        assert stranger.status_code == 404
        assert dispatch.theirs.org not in stranger.text
    with dispatch.database.reading() as connection:
        plan = nurse_plan(connection, child.nurse, START_MS)
    assert plan is not None
    assert [own.id for own in plan.visits[0].fences] == [fence["id"]]


async def test_a_fence_in_another_datum_is_stored_in_ours(dispatch: Dispatch) -> None:
    point = {"type": "Point", "coordinates": [121.47, 31.23]}
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        body = {"name": "ward", "geometry": point, "radius_m": 200, "datum": "gcj02"}
        lon, lat = (await client.post("/api/v1/fences", json=body)).json()["geometry"]["coordinates"]
        assert 0.001 < abs(lon - 121.47) < 0.01
        assert 0.0005 < abs(lat - 31.23) < 0.01
        paris = {**body, "geometry": {"type": "Point", "coordinates": [2.35, 48.85]}}
        refused = await client.post("/api/v1/fences", json=paris)
        assert "in China, where gcj02 is defined" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("more", "field", "said"),
    [
        ({"geometry": area(BOWTIE)}, "geometry", "ring 0, vertex 0: self-intersection"),
        ({"geometry": area(SQUARE[:2])}, "geometry", "ring 0: has 2 different points"),
        ({"geometry": area(SQUARE[:4])}, "geometry", "ring 0, vertex 3: the ring is not closed"),
        ({"geometry": area(SQUARE, BOWTIE)}, "geometry", "ring 1, vertex 0"),
        ({"geometry": area([[31.2, 121.4]])}, "geometry", "ring 0, vertex 0: [31.2, 121.4] cannot be"),
        ({"geometry": area([[12.1, 0], [True, 3]])}, "geometry", "ring 0, vertex 1: expected [lon, lat]"),
        ({"geometry": {}}, "geometry", "cannot be a fence"),
        ({"geometry": {"type": "Point", "coordinates": [1, 2]}}, "radius_m", "a Point has no radius"),
        ({"geometry": LINE}, "width_m", "a line has no width"),
        ({"geometry": LINE, "width_m": -1}, "width_m", "width -1 m cannot be used"),
        ({"schedule": {"zone": "Shanghai"}}, "schedule.zone", "is unknown"),
        ({"schedule": {**HOURS, "from": "25:00"}}, "schedule.from", "no time of day"),
        ({"schedule": {**HOURS, "days": "monday"}}, "schedule.days", "is unknown"),
        ({"limits": {"dwell_s": -1}}, "limits.dwell_s", "expected 0 to 3600"),
        ({"limits": {"dwel_s": 1}}, "limits.dwel_s", "is unknown"),
        ({"name": ""}, "name", "0 characters"),
        ({"mode": "both"}, "mode", "stay_in"),
        ({"datum": "mars"}, "datum", "wgs84"),
    ],
)
async def test_what_cannot_be_a_fence_is_named(
    dispatch: Dispatch, more: dict[str, Any], field: str, said: str
) -> None:
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        before = (await client.get("/api/v1/fences")).json()
        answer = await client.post("/api/v1/fences", json={"name": "x", "geometry": area(SQUARE), **more})
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        assert said in error["reason"]
        assert (await client.get("/api/v1/fences")).json() == before


async def test_a_fence_is_mended_when_asked(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        body = {"name": "bow", "geometry": area(BOWTIE), "repair": True}
        fence = (await client.post("/api/v1/fences", json=body)).json()
    assert fence["geometry"]["type"] == "MultiPolygon"
    assert [repair.partition(":")[0] for repair in fence["repairs"]] == ["ring 0, vertex 0"]


async def test_a_file_is_imported_whole_or_not_at_all(dispatch: Dispatch) -> None:
    features: list[dict[str, Any]] = [
        {"type": "Feature", "properties": {"name": "a", "mode": "keep_out"}, "geometry": area(SQUARE)},
        {"type": "Feature", "properties": {"name": "b"}, "geometry": area(BOWTIE)},
    ]
    file = {"type": "FeatureCollection", "features": features}
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        before = (await client.get("/api/v1/fences")).json()
        refused = await client.post("/api/v1/fences/import", json={"file": file})
        assert refused.status_code == 422
        assert refused.json()["detail"].startswith("feature 1, ring 0, vertex 0: ")
        assert (await client.get("/api/v1/fences")).json() == before
        taken = (await client.post("/api/v1/fences/import", json={"file": file, "repair": True})).json()
        assert [(fence["name"], fence["mode"]) for fence in taken["items"]] == [
            ("a", "keep_out"),
            ("b", "stay_in"),
        ]
        assert taken["repairs"][0].startswith("feature 1, ring 0, vertex 0: ")
        contradicted = {"file": {**file, "datum": "gcj02"}}
        answer = await client.post("/api/v1/fences/import", json=contradicted)
        assert answer.json()["errors"][0]["field"] == "datum"


async def test_a_fence_is_changed_but_not_redrawn(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        body = {"name": "canal", "geometry": LINE, "width_m": 40, "schedule": HOURS}
        fence = (await client.post("/api/v1/fences", json=body)).json()
        path = f"/api/v1/fences/{fence['id']}"
        changed = await client.patch(path, json={"width_m": 60, "mode": "keep_out", "schedule": None})
        del fence["repairs"]
        assert changed.json() == {**fence, "width_m": 60.0, "mode": "keep_out", "schedule": None}
        for wrong, field in (({"radius_m": 5}, "radius_m"), ({"geometry": LINE}, "geometry")):
            refused = await client.patch(path, json=wrong)
            assert refused.json()["errors"][0]["field"] == field
        assert (await client.delete(path)).status_code == 204
        assert (await client.get(path)).status_code == 404
