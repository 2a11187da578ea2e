"""Limits of the rules over HTTP: of an organisation, of a visit, of a fence."""

from typing import Any

import pytest
from sqlalchemy import select

from safety.planner import nurse_plan, org_plan
from safety.store.audit import verify_audit
from safety.store.tables import audit, plan_changes
from tests.support.dispatch import START_MS, Dispatch

ROLES = [("dispatcher", 403), ("auditor", 403), ("supervisor", 200), ("admin", 200)]


def value(listed: dict[str, Any], name: str) -> tuple[Any, str]:
    (item,) = (item for item in listed["items"] if item["name"] == name)
    return item["value"], item["from"]


@pytest.mark.parametrize(("role", "status"), ROLES)
async def test_who_may_set_limits(dispatch: Dispatch, role: str, status: int) -> None:
    ours = dispatch.ours
    async with dispatch.client(ours, role) as client:
        for path, limits in (
            (f"orgs/{ours.org}", {"phone_silent_s": 120}),
            (f"visits/{ours.visit}", {"phone_silent_s": 90}),
            (f"fences/{ours.fence}", {"dwell_s": 60}),
        ):
            answer = await client.patch(f"/api/v1/{path}", json={"limits": limits})
            assert answer.status_code == status, answer.text
            read = (await client.get(f"/api/v1/{path}")).json()
            assert read["limits"] == (limits if status == 200 else {})


async def test_an_organisation_sets_limits_for_those_below_it(dispatch: Dispatch) -> None:
    ours, child = dispatch.ours, dispatch.child
    async with dispatch.client(ours, "supervisor") as client:
        body = {"limits": {"phone_silent_s": 120, "recorder_silent_s": "none", "phone_firmware_min": "2.4"}}
        assert (await client.patch(f"/api/v1/orgs/{ours.org}", json=body)).json()["limits"] == body["limits"]
        listed = (await client.get(f"/api/v1/orgs/{child.org}/limits")).json()
        assert value(listed, "phone_silent_s") == (120.0, "above")
        assert value(listed, "recorder_silent_s") == (None, "above")
        taken = await client.patch(f"/api/v1/orgs/{ours.org}", json={"limits": {"recorder_silent_s": None}})
        assert taken.json()["limits"] == {"phone_silent_s": 120.0, "phone_firmware_min": "2.4"}
    with dispatch.database.reading() as connection:
        plan = nurse_plan(connection, child.nurse, START_MS)
        told = connection.execute(select(plan_changes.c.nurse)).scalars().all()
        trail = connection.execute(select(audit).where(audit.c.action == "limits_changed")).all()
        assert verify_audit(connection) is None
    assert plan is not None
    assert plan.limits == {"phone_firmware_min": "2.4", "phone_silent_s": 120.0}
    assert {ours.nurse, child.nurse} <= set(told)
    assert [(row.actor, row.subject) for row in trail] == [(ours.logins["supervisor"], ours.org)] * 2


async def test_a_visit_may_be_watched_otherwise(dispatch: Dispatch) -> None:
    visit = dispatch.ours.visit
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        path = f"/api/v1/visits/{visit}"
        body = {"risk": "high", "limits": {"overrun_grace_s": 60}}
        assert (await client.patch(path, json=body)).json()["limits"] == {"overrun_grace_s": 60.0}
        listed = (await client.get(f"{path}/limits")).json()
        assert listed["subject"] == visit
        assert value(listed, "overrun_grace_s") == (60.0, "here")
        assert value(listed, "arrival_grace_s") == (450.0, "above")
        (found,) = (await client.get("/api/v1/visits", params={"nurse": dispatch.ours.nurse})).json()["items"]
        assert found["limits"] == {"overrun_grace_s": 60.0}
        planned = {
            "nurse": dispatch.ours.nurse,
            "lat": 31.2,
            "lon": 121.4,
            "starts_at": "2026-11-22T13:00:00Z",
            "ends_at": "2026-11-22T14:00:00Z",
            "limits": {"gps_lost_s": "none"},
        }
        added = await client.post("/api/v1/visits", json=planned)
        assert added.json()["limits"] == {"gps_lost_s": "none"}
        refused = await client.post("/api/v1/visits", json={**planned, "limits": {"gps_lost_s": 1}})
        assert refused.status_code == 422
        hers = (await client.get("/api/v1/visits", params={"nurse": dispatch.ours.nurse})).json()["items"]
    assert len(hers) == 2, "a visit that was refused is there all the same"


async def test_high_risk_shows_what_becomes_of_what_is_above(dispatch: Dispatch) -> None:
    """Half of what the organisation set may happen to be the default."""
    ours = dispatch.ours
    async with dispatch.client(ours, "supervisor") as client:
        await client.patch(f"/api/v1/orgs/{ours.org}", json={"limits": {"phone_silent_s": 360}})
        await client.patch(f"/api/v1/visits/{ours.visit}", json={"risk": "high"})
        listed = (await client.get(f"/api/v1/visits/{ours.visit}/limits")).json()
    assert value(listed, "phone_silent_s") == (180.0, "above")


async def test_limits_are_held_against_what_is_above(dispatch: Dispatch) -> None:
    ours, child = dispatch.ours, dispatch.child
    async with dispatch.client(ours, "supervisor") as client:
        above = {"battery_low_pct": 30, "battery_clear_pct": 50}
        await client.patch(f"/api/v1/orgs/{ours.org}", json={"limits": above})
        own = await client.patch(f"/api/v1/orgs/{child.org}", json={"limits": {"battery_low_pct": 40}})
        assert own.json()["limits"] == {"battery_low_pct": 40.0}
        refused = await client.patch(f"/api/v1/orgs/{child.org}", json={"limits": {"battery_clear_pct": 40}})
        assert refused.json()["errors"][0]["field"] == "limits.battery_clear_pct"


@pytest.mark.parametrize(
    ("limits", "field", "said"),
    [
        ({"phone_silent_s": 9}, "limits.phone_silent_s", "expected 10 to 86400 s"),
        ({"phone_silent_s": "90s"}, "limits.phone_silent_s", "expected 10 to 86400 s"),
        ({"phone_silent_s": True}, "limits.phone_silent_s", "expected 10 to 86400 s"),
        ({"phone_silent_s": 10**400}, "limits.phone_silent_s", "expected 10 to 86400 s"),
        ({"phone_silent_s": [90]}, "limits.phone_silent_s", "expected 10 to 86400 s"),
        ({"cancel_window_s": "none"}, "limits.cancel_window_s", "cannot be left out"),
        ({"phone_firmware_min": 2}, "limits.phone_firmware_min", "numbers with dots"),
        ({"nonsense": 1}, "limits.nonsense", "is unknown"),
        ({"nonsense": None}, "limits.nonsense", "is unknown"),
        ({"battery_low_pct": 60}, "limits.battery_low_pct", "battery_low_pct <"),
        ([1], "limits", "valid dictionary"),
    ],
)
@pytest.mark.parametrize("noun", ["orgs", "visits"])
async def test_what_cannot_be_a_limit_is_named(
    dispatch: Dispatch, noun: str, limits: Any, field: str, said: str
) -> None:
    subject = dispatch.ours.org if noun == "orgs" else dispatch.ours.visit
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        answer = await client.patch(f"/api/v1/{noun}/{subject}", json={"limits": limits})
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        assert said in error["reason"]
        assert (await client.get(f"/api/v1/{noun}/{subject}")).json()["limits"] == {}


async def test_a_fences_limits_go_to_the_engine(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    path = f"/api/v1/fences/{ours.fence}"
    async with dispatch.client(ours, "supervisor") as client:
        await client.patch(path, json={"limits": {"dwell_s": 60, "min_fixes": 3}})
        changed = await client.patch(path, json={"limits": {"dwell_s": None, "buffer_m": 40}})
        assert changed.json()["limits"] == {"buffer_m": 40.0, "min_fixes": 3}
        listed = (await client.get(f"{path}/limits")).json()
        assert value(listed, "buffer_m") == (40.0, "here")
        assert value(listed, "dwell_s") == (30.0, "default")
        for wrong in ({"dwell_s": -1}, {"min_fixes": 1.5}, {"radius_m": 3}):
            refused = await client.patch(path, json={"limits": wrong})
            assert refused.status_code == 422
            assert refused.json()["errors"][0]["field"] == f"limits.{next(iter(wrong))}"
    with dispatch.database.reading() as connection:
        (fence,) = org_plan(connection, ours.org).fences
        trail = connection.execute(select(audit).where(audit.c.action == "fence_changed")).all()
    assert (fence.limits.buffer_m, fence.limits.min_fixes, fence.limits.dwell_s) == (40.0, 3, 30.0)
    assert [row.subject for row in trail] == [ours.fence] * 2


async def test_limits_of_strangers_are_not_there(dispatch: Dispatch) -> None:
    theirs = dispatch.theirs
    async with dispatch.client(dispatch.ours, "admin") as client:
        for path in (f"orgs/{theirs.org}", f"visits/{theirs.visit}", f"fences/{theirs.fence}"):
            answer = await client.patch(f"/api/v1/{path}", json={"limits": {}})
            assert answer.status_code == 404, path
