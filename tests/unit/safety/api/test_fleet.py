"""The fleet over HTTP: set up, imported, watched, tested; its secrets are in the answer and nowhere else."""

import base64
import json
from typing import Any

import pytest
from sqlalchemy import select

from devices.registry.sql import SqlDeviceRegistry
from safety.domain.enrolment import Addresses
from safety.store.tables import audit, device_bindings, plan_changes
from safety.store.tables import devices as devices_table
from tests.support.dispatch import Dispatch

HEAD = "kind,nurse,codec,external_id\n"


def everything_stored(dispatch: Dispatch) -> str:
    with dispatch.database.reading() as connection:
        tables = (audit, device_bindings, plan_changes, devices_table)
        return "".join(str(connection.execute(select(table)).all()) for table in tables)


async def test_whoever_adds_a_phone_gets_what_sets_it_up_once(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        body = {"kind": "phone", "nurse": dispatch.ours.nurse, "codec": "owntracks"}
        answer = await client.post("/api/v1/devices", json=body)
        made = answer.json()
        config = json.loads(base64.b64decode(made["link"].partition("inline=")[2], validate=True))
        assert (config["username"], config["password"]) == (made["id"], made["secret"])
        assert (made["app"], config["host"]) == ("owntracks", "vigil.test")
        assert made["qr_svg"].startswith("<svg ")
        assert answer.headers["cache-control"] == "no-store"
        rotated = (await client.post(f"/api/v1/devices/{made['id']}/rotate", json={})).json()
        shown = (await client.get(f"/api/v1/devices/{made['id']}")).text
    assert rotated["settings"]["password"] == rotated["secret"] != made["secret"]
    stored = everything_stored(dispatch)
    for secret in (made["secret"], rotated["secret"]):
        assert secret not in stored
        assert secret not in shown


async def test_a_revoked_device_stays_where_it_is(dispatch: Dispatch) -> None:
    path = f"/api/v1/devices/{dispatch.ours.device}"
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        revoked = (await client.patch(path, json={"revoked": True})).json()
        again = await client.patch(path, json={"revoked": True})
        rotated = await client.post(f"{path}/rotate", json={})
        handed = await client.patch(path, json={"nurse": dispatch.child.nurse})
        assert (await client.get(path)).json() == revoked
    assert (again.status_code, rotated.status_code, handed.status_code) == (200, 422, 422)
    for answer in (rotated, handed):
        assert "is revoked: add a new one" in answer.json()["detail"]


def test_where_devices_reach_it_is_what_is_set_or_where_the_page_is() -> None:
    assert Addresses().reach("http://10.0.0.5:8000") == ("mqtt://10.0.0.5:1883", "http://10.0.0.5:8000")
    assert Addresses().reach("http://[fe80::1]:8000")[0] == "mqtt://[fe80::1]:1883"
    behind = Addresses("https://care.example/", None, 8883, mqtt_secure=True)
    assert behind.reach("http://x") == ("mqtts://care.example:8883", "https://care.example")
    assert Addresses(None, "mqtts://mqtt.example", 1883).reach("http://x").mqtt_url == "mqtts://mqtt.example"


class TestImport:
    async def post(self, dispatch: Dispatch, csv: str, role: str = "supervisor", **more: Any) -> Any:
        async with dispatch.client(dispatch.ours, role) as client:
            return await client.post("/api/v1/devices/import", json={"csv": csv, **more})

    async def test_a_table_comes_in_whole(self, dispatch: Dispatch) -> None:
        rows = (
            f"phone,nurse of {dispatch.ours.org},owntracks,\n"
            f"button,{dispatch.child.nurse},chirpstack,24E124535B316056\n"
        )
        dry = (await self.post(dispatch, HEAD + rows, dry_run=True)).json()
        assert dry == {"rows": 2, "faults": [], "items": []}
        made = (await self.post(dispatch, HEAD + rows)).json()["items"]
        assert [item["nurse"] for item in made] == [dispatch.ours.nurse, dispatch.child.nurse]
        assert [item["org"] for item in made] == [dispatch.ours.org, dispatch.child.org]
        registry = SqlDeviceRegistry(dispatch.database.engine)
        assert all(registry.authenticate(item["id"], item["secret"]) for item in made)
        again = await self.post(dispatch, HEAD + rows, dry_run=True)
        assert [fault["column"] for fault in again.json()["faults"]] == ["external_id"]

    async def test_one_fault_and_nothing_comes_in(self, dispatch: Dispatch) -> None:
        before = everything_stored(dispatch)
        rows = f"phone,{dispatch.ours.nurse},,\npager,{dispatch.theirs.nurse},,\n"
        refused = await self.post(dispatch, HEAD + rows)
        assert refused.status_code == 422
        assert [(fault["line"], fault["column"]) for fault in refused.json()["faults"]] == [
            (3, "kind"),
            (3, "nurse"),
        ]
        assert everything_stored(dispatch) == before

    async def test_what_chirpstack_would_never_say_is_a_fault(self, dispatch: Dispatch) -> None:
        refused = await self.post(dispatch, f"{HEAD}button,{dispatch.ours.nurse},chirpstack,nothex\n")
        assert refused.status_code == 422
        assert [fault["column"] for fault in refused.json()["faults"]] == ["external_id"]

    @pytest.mark.parametrize("role", ["dispatcher", "auditor"])
    async def test_only_supervisors_import(self, dispatch: Dispatch, role: str) -> None:
        assert (await self.post(dispatch, HEAD, role)).status_code == 403


async def test_who_had_a_device_is_shown_to_those_who_had_it(dispatch: Dispatch) -> None:
    ours, child = dispatch.ours, dispatch.child
    async with dispatch.client(ours, "supervisor") as client:
        await client.patch(f"/api/v1/devices/{ours.device}", json={"nurse": child.nurse})
        items = (await client.get(f"/api/v1/devices/{ours.device}/history")).json()["items"]
    assert [(item["nurse"], item["ended_how"]) for item in items] == [
        (child.nurse, None),
        (ours.nurse, "handed_over"),
    ]
    assert items[1]["nurse_name"] == f"nurse of {ours.org}"
    async with dispatch.client(child, "dispatcher") as client:
        seen = (await client.get(f"/api/v1/devices/{ours.device}/history")).json()["items"]
    assert [item["nurse"] for item in seen] == [child.nurse]


async def test_the_board_has_what_is_worrying_worst_first(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    async with dispatch.client(ours, "supervisor") as client:
        body = {"kind": "button", "nurse": ours.nurse}
        button = (await client.post("/api/v1/devices", json=body)).json()["id"]
        dispatch.clock.advance_s(600)
        items = (await client.get("/api/v1/devices/board")).json()["items"]
        shown = {item["device"]["id"]: [worry["reason"] for worry in item["worries"]] for item in items}
        # The phones of nurses who are on a visit, ours and the child's, have been silent for ten minutes.
        assert {item["device"]["id"] for item in items[:2]} == {ours.device, dispatch.child.device}
        assert shown[ours.device] == ["silent", "untested"]
        assert shown[button] == ["never_heard", "untested"]
        assert items[0]["worries"][0]["urgency"] == "high"
        assert "since_at" in items[0]["worries"][0]["detail"]
        await client.patch(f"/api/v1/devices/{button}", json={"revoked": True})
        left = (await client.get("/api/v1/devices/board")).json()["items"]
    assert button not in {item["device"]["id"] for item in left}


async def test_a_test_is_planned_by_those_who_may(dispatch: Dispatch) -> None:
    path = f"/api/v1/devices/{dispatch.ours.device}/test"
    async with dispatch.client(dispatch.ours, "dispatcher") as client:
        assert (await client.post(path, json={})).status_code == 403
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        planned = (await client.post(path, json={"within_s": 300})).json()
        assert planned["test_until"] is not None
        assert (await client.post(path, json={"within_s": 7200})).status_code == 422
        untested = (await client.get("/api/v1/devices/untested", params={"days": 30})).json()["items"]
    assert dispatch.ours.device in {item["id"] for item in untested}


async def test_the_untested_come_in_pages_and_the_board_has_an_end(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        for _ in range(4):
            await client.post("/api/v1/devices", json={"kind": "button", "nurse": dispatch.ours.nurse})
        whole = (await client.get("/api/v1/devices/untested")).json()["items"]
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {"limit": 2}
        while True:
            page = (await client.get("/api/v1/devices/untested", params=params)).json()
            found += page["items"]
            if page["next"] is None:
                break
            params["cursor"] = page["next"]
        assert found == whole
        assert len(found) >= 6
        assert len((await client.get("/api/v1/devices/board", params={"limit": 1})).json()["items"]) == 1
        assert (await client.get("/api/v1/devices/board", params={"limit": 501})).status_code == 422
