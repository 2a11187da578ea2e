"""Fields: what cannot be taken is refused with the field at fault, as the page marks it."""

from typing import Any

import pytest

from devices.registry.sql import SqlDeviceRegistry
from tests.support.calls import calls
from tests.support.dispatch import Dispatch


@pytest.mark.parametrize(
    ("noun", "body", "named"),
    [
        ("nurses", {}, "name"),
        ("nurses", {"name": ""}, "name"),
        ("nurses", {"name": "x", "radius": 1}, "radius"),
        ("nurses", {"name": "x", "pin": "12"}, "pin"),
        ("devices", {"kind": "drone", "nurse": "x"}, "kind"),
        ("visits", {"nurse": "x", "lat": 1, "lon": 2, "starts_at": "soon", "ends_at": "later"}, "starts_at"),
        ("users", {"login": "x", "role": "god", "password": "12345678"}, "role"),
        ("users", {"login": "x", "role": "admin", "password": "short"}, "password"),
        ("users", {"login": "admin@ours", "role": "admin", "password": "12345678"}, "login"),
        ("users", {"login": " x", "role": "admin", "password": "12345678"}, "login"),
        ("users", {"login": "x" * 129, "role": "admin", "password": "12345678"}, "login"),
        ("responders", {"name": "x", "channels": [""]}, "channels"),
        ("policies", {"name": "x", "tiers": []}, "tiers"),
        ("policies", {"name": "x", "tiers": [{"after_s": 90_000, "responders": ["a"]}]}, "tiers.0.after_s"),
        ("policies", {"name": "x", "tiers": [{"after_s": -1, "responders": ["a"]}]}, "tiers.0.after_s"),
        ("policies", {"name": "x", "tiers": [{"responders": []}]}, "tiers.0.responders"),
    ],
)
async def test_what_cannot_be_stored_is_named(
    dispatch: Dispatch, noun: str, body: dict[str, Any], named: str
) -> None:
    async with dispatch.client(dispatch.ours, "admin") as client:
        answer = await client.post(f"/api/v1/{noun}", json=body)
    assert answer.status_code == 422, answer.text
    assert named.rpartition(".")[2].removesuffix("_s") in answer.json()["detail"]
    assert named in [error["field"] for error in answer.json()["errors"]]
    assert "12345678" not in answer.text


@pytest.mark.parametrize(
    ("codec", "external_id", "said"),
    [
        ("chirpstack", None, "expected what the chirpstack gateway calls the device"),
        ("chirpstack", "nothex", "'nothex' is no DevEUI: expected 16 hex digits"),
        ("chirpstack", "24E124535B31605", "is no DevEUI"),
        ("traccar", " ", "expected what the traccar gateway calls the device"),
        ("traccar", "x" * 65, "has 65 characters"),
        ("traccar", "a\x00b", "control character"),
    ],
)
async def test_a_device_nobody_would_find_is_refused(
    dispatch: Dispatch, codec: str, external_id: str | None, said: str
) -> None:
    body = {"kind": "button", "nurse": dispatch.ours.nurse, "codec": codec, "external_id": external_id}
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        answer = await client.post("/api/v1/devices", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert [error["field"] for error in answer.json()["errors"]] == ["external_id"]


@pytest.mark.parametrize("called", ["24E124535B316056", "24e124535b316056"])
async def test_a_dev_eui_may_be_in_upper_or_lower_case(dispatch: Dispatch, called: str) -> None:
    body = {"kind": "button", "nurse": dispatch.ours.nurse, "codec": "chirpstack", "external_id": called}
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        added = await client.post("/api/v1/devices", json=body)
        again = await client.post("/api/v1/devices", json={**body, "external_id": called.swapcase()})
    assert (added.status_code, added.json()["external_id"]) == (201, called)
    assert [error["field"] for error in again.json()["errors"]] == ["external_id"]
    assert SqlDeviceRegistry(dispatch.database.engine).find_external(called.swapcase(), "chirpstack")


async def test_what_is_revoked_gets_no_secret_that_would_never_work(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        for path in (f"/api/v1/devices/{dispatch.ours.device}", f"/api/v1/gateways/{dispatch.ours.gateway}"):
            assert (await client.patch(path, json={"revoked": True})).status_code == 200
            answer = await client.post(f"{path}/rotate")
            assert answer.status_code == 422
            assert "is revoked: add a new one in its place" in answer.json()["detail"]


async def test_the_pin_at_fault_is_named_when_a_nurse_is_changed(dispatch: Dispatch) -> None:
    path = f"/api/v1/nurses/{dispatch.ours.nurse}"
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        alone = await client.patch(path, json={"duress_pin": "4321"})
        await client.patch(path, json={"pin": "1234"})
        same = await client.patch(path, json={"duress_pin": "1234"})
        short = await client.patch(path, json={"pin": "1"})
    for answer, named in ((alone, "duress_pin"), (same, "duress_pin"), (short, "pin")):
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [named]


async def test_a_policy_is_not_left_without_a_name(dispatch: Dispatch) -> None:
    path = f"/api/v1/policies/{dispatch.ours.policy}"
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        before = (await client.get(path)).json()
        for name in ("", "  ", None):
            refused = await client.patch(path, json={"name": name})
            assert refused.status_code == 422
            assert [error["field"] for error in refused.json()["errors"]] == ["name"]
        assert (await client.get(path)).json() == before


@pytest.mark.parametrize(
    ("times", "said", "named"),
    [
        ({"starts_at": "yesterday"}, "expected a time such as 2026-11-22T13:45:12+08:00", "starts_at"),
        (
            {"starts_at": "2026-11-22T13:00:00"},
            "expected a time such as 2026-11-22T13:45:12+08:00",
            "starts_at",
        ),
        ({"starts_at": 1_795_323_600, "ends_at": 1_795_327_200}, "milliseconds, not seconds", "starts_at"),
    ],
)
async def test_when_no_visit_can_be_is_refused(
    dispatch: Dispatch, times: dict[str, Any], said: str, named: str
) -> None:
    hour = {"starts_at": "2026-11-22T13:00:00+08:00", "ends_at": "2026-11-22T14:00:00+08:00"}
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        body = {"nurse": dispatch.ours.nurse, "lat": 31, "lon": 121, **hour, **times}
        answer = await client.post("/api/v1/visits", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert [error["field"] for error in answer.json()["errors"]] == [named]


async def test_null_is_refused_where_there_is_nothing_to_take_away(dispatch: Dispatch) -> None:
    models = dispatch.app.openapi()["components"]["schemas"]
    refused = set()
    async with dispatch.client(dispatch.ours, "admin") as client:
        for call in calls(dispatch, dispatch.ours):
            if call.method != "patch":
                continue
            content = call.operation["requestBody"]["content"]["application/json"]
            for field, schema in models[content["schema"]["$ref"].rpartition("/")[2]]["properties"].items():
                answer = await client.patch(call.path, json={field: None})
                may_be_null = {"type": "null"} in schema.get("anyOf", [])
                assert answer.status_code == 422 or may_be_null, (call, field, answer.text)
                if not may_be_null:
                    assert [error["field"] for error in answer.json()["errors"]] == [field]
                    refused.add((call.template.rpartition("/")[2], field))
                assert "default" not in schema
    assert refused >= {("{device}", "nurse"), ("{policy}", "tiers"), ("{user}", "disabled")}


async def test_a_responder_whose_name_two_have_is_named_with_its_tier(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        for _ in range(2):
            await client.post("/api/v1/responders", json={"name": "Li Na"})
        tiers = [{"responders": [dispatch.ours.responder]}, {"after_s": 60, "responders": ["Li Na"]}]
        answer = await client.post("/api/v1/policies", json={"name": "night", "tiers": tiers})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["tiers.1.responders"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/v1/alerts?state=tired", "state"),
        ("/api/v1/alerts?kind=noise", "kind"),
        ("/api/v1/alerts?severity=mild", "severity"),
        ("/api/v1/alerts?cursor=x", "cursor"),
        ("/api/v1/nurses/{nurse}/track?from=2000&to=1000", "from"),
    ],
)
async def test_the_query_parameter_at_fault_is_named(dispatch: Dispatch, path: str, field: str) -> None:
    async with dispatch.client(dispatch.ours) as client:
        answer = await client.get(path.format(nurse=dispatch.ours.nurse))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_what_is_left_blank_in_a_query_counts_as_left_out(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "admin") as client:
        for call in calls(dispatch, dispatch.ours):
            asked = [each["name"] for each in call.operation.get("parameters", []) if each["in"] == "query"]
            if call.method != "get" or not asked:
                continue
            whole, blank = await call.by(client), await call.by(client, **dict.fromkeys(asked, ""))
            assert blank.status_code == 200, (call, blank.text)
            assert blank.json().keys() == whole.json().keys()
            assert len(blank.json().get("items", ())) == len(whole.json().get("items", ())), call
        both = await client.get("/api/v1/alerts?state=&kind=panic&since=&limit=&cursor")
        assert [each["kind"] for each in both.json()["items"]] == ["panic"] * len(both.json()["items"])
