"""Master data over HTTP: what each role may read and change, and what becomes of it."""

import pytest
from sqlalchemy import select

from devices.registry.sql import SqlDeviceRegistry
from safety.store.audit import verify_audit
from safety.store.tables import audit, plan_changes
from tests.support.dispatch import PASSWORD, Dispatch

READS = (
    "nurses devices visits fences responders policies orgs positions alerts me config".split()  # noqa: SIM905
)


@pytest.mark.parametrize(
    ("role", "extra"),
    [
        ("dispatcher", set()),
        ("supervisor", {"dead-letters"}),
        ("admin", {"dead-letters", "audit", "users"}),
        ("auditor", {"audit"}),
    ],
)
async def test_each_role_reads_what_it_may(dispatch: Dispatch, role: str, extra: set[str]) -> None:
    async with dispatch.client(dispatch.ours, role) as client:
        for noun in READS:
            assert (await client.get(f"/api/v1/{noun}")).status_code == 200, noun
        for noun in ("dead-letters", "audit", "users"):
            status = (await client.get(f"/api/v1/{noun}")).status_code
            assert status == (200 if noun in extra else 403), noun


@pytest.mark.parametrize(
    ("role", "allowed"), [("dispatcher", False), ("auditor", False), ("supervisor", True)]
)
async def test_only_supervisors_and_administrators_change_master_data(
    dispatch: Dispatch, role: str, allowed: bool
) -> None:
    async with dispatch.client(dispatch.ours, role) as client:
        added = await client.post("/api/v1/nurses", json={"name": "Wang Fang"})
        changed = await client.patch(f"/api/v1/nurses/{dispatch.ours.nurse}", json={"phone": "110"})
        users = await client.post(
            "/api/v1/users", json={"login": "x", "role": "auditor", "password": "12345678"}
        )
    assert (added.status_code, changed.status_code) == ((201, 200) if allowed else (403, 403))
    assert users.status_code == 403


async def test_a_nurse_is_added_changed_and_planned_anew(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        added = (
            await client.post("/api/v1/nurses", json={"name": " 王芳 ", "phone": "138", "pin": "1234"})
        ).json()
        assert (added["name"], added["org"], added["on_visit"]) == ("王芳", dispatch.ours.org, False)
        assert "pin" not in str(added)
        path = f"/api/v1/nurses/{added['id']}"
        changed = (await client.patch(path, json={"phone": None, "pin": "4321"})).json()
        assert (changed["name"], changed["phone"]) == ("王芳", None)
        assert (await client.get(path)).json() == changed
    with dispatch.database.reading() as connection:
        planned = connection.execute(select(plan_changes.c.nurse)).scalars().all()
        trail = connection.execute(select(audit).where(audit.c.subject == added["id"])).all()
        assert verify_audit(connection) is None
    assert planned.count(added["id"]) == 2
    assert [row.action for row in trail] == ["nurse_added", "nurse_changed"]
    assert {row.actor for row in trail} == {dispatch.ours.logins["supervisor"]}
    assert "王芳" not in str(trail)


async def test_a_devices_secret_is_shown_once_and_works(dispatch: Dispatch) -> None:
    registry = SqlDeviceRegistry(dispatch.database.engine)
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        body = {
            "kind": "button",
            "nurse": dispatch.ours.nurse,
            "external_id": "0011aa",
        }
        added = (await client.post("/api/v1/devices", json=body)).json()
        assert registry.authenticate(added["id"], added["secret"]) is not None
        path = f"/api/v1/devices/{added['id']}"
        shown = (await client.get(path)).json()
        assert "secret" not in shown
        assert (shown["state"], shown["external_id"]) == ("unknown", "0011aa")
        rotated = (await client.post(f"{path}/rotate", json={})).json()["secret"]
        assert registry.authenticate(added["id"], added["secret"]) is None
        assert registry.authenticate(added["id"], rotated) is not None
        moved = await client.patch(path, json={"nurse": dispatch.child.nurse})
        assert (moved.json()["nurse"], moved.json()["org"]) == (dispatch.child.nurse, dispatch.child.org)
        assert (await client.patch(path, json={"revoked": True})).json()["revoked"] is True
        assert registry.authenticate(added["id"], rotated) is None
        assert (await client.post("/api/v1/devices", json=body)).status_code == 422


async def test_a_visit_is_planned_moved_and_found_by_time(dispatch: Dispatch) -> None:
    day = {"starts_at": "2026-11-22T13:00:00+08:00", "ends_at": "2026-11-22T14:00:00+08:00"}
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        body = {"nurse": dispatch.ours.nurse, "lat": 31.2, "lon": 121.4, "risk": "high", **day}
        visit = (await client.post("/api/v1/visits", json=body)).json()
        assert (visit["starts_at"], visit["state"]) == ("2026-11-22T05:00:00.000Z", "planned")
        path = f"/api/v1/visits/{visit['id']}"
        later = (await client.patch(path, json={"ends_at": "2026-11-22T15:00:00+08:00"})).json()
        assert later == {**visit, "ends_at": "2026-11-22T07:00:00.000Z"}
        assert (await client.patch(path, json={"ends_at": day["starts_at"]})).status_code == 422
        during = {"from": "2026-11-22T14:30:00+08:00", "to": "2026-11-22T14:31:00+08:00"}
        found = (await client.get("/api/v1/visits", params=during)).json()["items"]
        assert [each["id"] for each in found] == [visit["id"]]
        active = (await client.get("/api/v1/visits", params={"nurse": dispatch.ours.nurse})).json()["items"]
        assert [each["state"] for each in active] == ["planned", "active"]
        cancelled = (await client.patch(path, json={"cancelled": True})).json()
        assert cancelled == {**later, "state": "cancelled"} == (await client.get(path)).json()
        assert (await client.patch(path, json={"cancelled": False})).json() == later


async def test_a_fence_is_drawn_and_taken_away(dispatch: Dispatch) -> None:
    circle = {"type": "Point", "coordinates": [121.47, 31.23]}
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        body = {
            "name": "ward",
            "geometry": circle,
            "radius_m": 200,
            "mode": "keep_out",
            "org": dispatch.child.org,
        }
        fence = (await client.post("/api/v1/fences", json=body)).json()
        assert (fence["name"], fence["mode"], fence["radius_m"]) == ("ward", "keep_out", 200)
        assert fence["org"] == dispatch.child.org
        broken = {"name": "bow", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}}
        assert (await client.post("/api/v1/fences", json=broken)).status_code == 422
        assert (await client.delete(f"/api/v1/fences/{fence['id']}")).status_code == 204
        assert (await client.get(f"/api/v1/fences/{fence['id']}")).status_code == 404


async def test_a_policy_is_replaced_whole_or_in_part(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    async with dispatch.client(ours, "supervisor") as client:
        tiers = [
            {"responders": [ours.responder]},
            {"after_s": 90, "responders": [f"responder of {ours.org}"]},
        ]
        put = await client.post("/api/v1/policies", json={"name": "night", "tiers": tiers})
        assert put.status_code == 201, put.text
        policy = put.json()
        # It is still the organisation's one policy, and names have become ids.
        assert (policy["id"], policy["name"]) == (ours.policy, "night")
        assert policy["tiers"] == [
            {"after_s": 0.0, "responders": [ours.responder]},
            {"after_s": 90.0, "responders": [ours.responder]},
        ]
        renamed = (await client.patch(f"/api/v1/policies/{policy['id']}", json={"name": "day"})).json()
        assert renamed == {**policy, "name": "day"}
        strangers = [{"responders": [dispatch.theirs.responder]}]
        refused = await client.patch(f"/api/v1/policies/{policy['id']}", json={"tiers": strangers})
        assert refused.status_code in {404, 422}


async def test_a_tier_that_is_spared_warnings_stays_so(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    tiers = [{"responders": [ours.responder]}, {"responders": [ours.responder], "min_severity": "high"}]
    async with dispatch.client(ours, "supervisor") as client:
        put = await client.post("/api/v1/policies", json={"name": "night", "tiers": tiers})
        assert put.status_code == 201, put.text
        assert put.json()["tiers"][1]["min_severity"] == "high"
        path = f"/api/v1/policies/{ours.policy}"
        renamed = await client.patch(path, json={"name": "day"})
        assert renamed.json()["tiers"] == put.json()["tiers"]


async def test_a_responder_is_added_and_moved(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        body = {"name": "guard", "channels": ["https://example.org/hook"], "lat": 31.2, "lon": 121.4}
        responder = (await client.post("/api/v1/responders", json=body)).json()
        assert responder["channels"] == ["https://example.org/hook"]
        path = f"/api/v1/responders/{responder['id']}"
        moved = (await client.patch(path, json={"lat": 31.3, "lon": 121.5})).json()
        assert (moved["lat"], moved["channels"]) == (31.3, responder["channels"])
        assert (await client.patch(path, json={"channels": ["ftp://x"]})).status_code == 422


async def test_an_administrator_keeps_the_users(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "admin") as admin, dispatch.client() as other:

        async def log_in(password: str) -> int:
            answer = await other.post("/api/v1/session", json={"username": "new", "password": password})
            return answer.status_code

        body = {"login": "new", "role": "dispatcher", "password": PASSWORD, "org": dispatch.child.org}
        user = (await admin.post("/api/v1/users", json=body)).json()
        assert "password" not in str(user)
        assert await log_in(PASSWORD) == 200
        path = f"/api/v1/users/{user['id']}"
        changed = await admin.patch(path, json={"role": "supervisor", "password": "another password"})
        assert changed.json() == {**user, "role": "supervisor"}
        # Who knew the old password is out.
        assert (await other.get("/api/v1/me")).status_code == 401
        assert await log_in("another password") == 200
        assert (await admin.patch(path, json={"disabled": True})).json()["disabled"] is True
        assert (await other.get("/api/v1/me")).status_code == 401
        assert await log_in("another password") == 401
        assert (await admin.patch(path, json={"disabled": False})).json()["disabled"] is False
        assert await log_in("another password") == 200


async def test_nobody_locks_themselves_out(dispatch: Dispatch) -> None:
    path = f"/api/v1/users/{dispatch.ours.users['admin']}"
    async with dispatch.client(dispatch.ours, "admin") as client:
        for change in ({"disabled": True}, {"role": "dispatcher"}):
            refused = await client.patch(path, json=change)
            assert refused.status_code == 422
            assert [error["field"] for error in refused.json()["errors"]] == [*change]
        assert (await client.patch(path, json={"role": "admin"})).status_code == 200


@pytest.mark.parametrize("noun", ["nurses", "devices", "visits", "fences", "responders", "policies", "users"])
async def test_every_list_comes_in_pages(dispatch: Dispatch, noun: str) -> None:
    async with dispatch.client(dispatch.ours, "admin") as client:
        whole = (await client.get(f"/api/v1/{noun}")).json()
        assert whole["next"] is None
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await client.get(f"/api/v1/{noun}", params={"limit": 1, "cursor": cursor})).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next"]
    assert seen == [item["id"] for item in whole["items"]]
    assert len(seen) >= 2
