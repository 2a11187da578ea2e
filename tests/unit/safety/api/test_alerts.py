"""Reading alerts: filters, pages, and one with all that belongs to it."""

from typing import Any

import httpx
import pytest

from devices.reports import Position
from devices.rfc3339 import rfc3339
from safety.api.schemas import AlertDetail
from safety.store.alerts import raise_alert
from safety.store.tables import positions
from tests.support.dispatch import START_MS, Dispatch, alarm


async def items(client: httpx.AsyncClient, **params: str | int | list[str]) -> list[dict[str, Any]]:
    answer = await client.get("/api/v1/alerts", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_alerts_are_listed_newest_first(dispatch: Dispatch) -> None:
    raised = [dispatch.ours.alert, dispatch.child.alert]
    for number in range(3):
        dispatch.clock.advance_s(1)
        raised.append(dispatch.raise_alarm(dispatch.ours, f"later {number}"))
    async with dispatch.client(dispatch.ours) as client:
        assert [alert["id"] for alert in await items(client)] == raised[::-1]


async def test_pages_follow_each_other_without_gap_or_repeat_even_within_one_millisecond(
    dispatch: Dispatch,
) -> None:
    for number in range(12):
        dispatch.raise_alarm(dispatch.ours, f"at once {number}")
    async with dispatch.client(dispatch.ours) as client:
        whole = [alert["id"] for alert in await items(client)]
        seen: list[str] = []
        cursor = None
        while True:
            params = {"limit": 5, **({"cursor": cursor} if cursor else {})}
            page = (await client.get("/api/v1/alerts", params=params)).json()
            seen += [alert["id"] for alert in page["items"]]
            # What is raised meanwhile moves nothing.
            dispatch.raise_alarm(dispatch.ours, f"meanwhile {len(seen)}")
            if (cursor := page["next"]) is None:
                break
    assert len(whole) == 14
    assert [alert for alert in seen if alert in whole] == whole
    assert len(seen) == len(set(seen))


async def test_filters_narrow_the_list(dispatch: Dispatch) -> None:
    fall = dispatch.raise_alarm(dispatch.ours, "a fall", "fall")
    exit_ = dispatch.raise_alarm(dispatch.child, "an exit", "fence_exit")
    async with dispatch.client(dispatch.ours) as client:
        await client.post(f"/api/v1/alerts/{fall}/acknowledge", json={"version": 1})
        await client.post(f"/api/v1/alerts/{exit_}/resolve", json={"version": 1, "reason": "test"})

        async def ids(**params: str | int | list[str]) -> set[str]:
            return {alert["id"] for alert in await items(client, **params)}

        first = {dispatch.ours.alert, dispatch.child.alert}
        assert await ids(state="raised") == first
        assert await ids(state="acknowledged,resolved") == {fall, exit_}
        assert await ids(state="open") == first | {fall}
        assert await ids(state="open,resolved") == first | {fall, exit_}
        assert await ids(state=["acknowledged", "resolved"]) == {fall, exit_}
        assert await ids(kind="fall") == {fall}
        assert await ids(kind="fall, fence_exit") == {fall, exit_}
        assert await ids(severity="info") == set()
        assert await ids(severity="critical,high", kind="fall") == {fall}
        assert await ids(nurse=dispatch.child.nurse) == {dispatch.child.alert, exit_}
        assert await ids(org=dispatch.child.org) == {dispatch.child.alert, exit_}
        assert await ids(org=dispatch.ours.org) == first | {fall, exit_}
        assert await ids(since=rfc3339(START_MS + 500)) == {fall, exit_}
        assert await ids(since=START_MS + 500, state="", kind="", org="") == {fall, exit_}


@pytest.mark.parametrize(
    "params",
    [
        {"state": "lost"},
        {"kind": "panic,nonsense"},
        {"severity": "grave"},
        {"since": "yesterday"},
        {"since": "2026-11-22T13:45:12"},
        {"limit": "0"},
        {"limit": "501"},
        {"state": ["open", "lost"]},
        {"limit": "many"},
        {"cursor": "garbage"},
    ],
)
async def test_a_filter_that_makes_no_sense_is_named(
    dispatch: Dispatch, params: dict[str, str | list[str]]
) -> None:
    async with dispatch.client(dispatch.ours) as client:
        answer = await client.get("/api/v1/alerts", params=params)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert next(iter(params)) in answer.json()["detail"]
    assert "Value error" not in answer.text


async def test_an_alert_has_every_field_of_the_contract(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        detail = (await client.get(f"/api/v1/alerts/{dispatch.ours.alert}")).json()
    assert set(detail) == set(AlertDetail.model_fields)
    assert detail["raised_at"] == rfc3339(START_MS)
    assert detail["device_kind"] == "phone"
    assert detail["nurse_detail"]["phone"] == "13800000000"
    assert [entry["what"] for entry in detail["timeline"]] == ["raised"]
    assert set(detail["timeline"][0]) == {"seq", "at", "what", "actor", "detail"}


async def test_an_alerts_own_position_is_shown_with_its_age(dispatch: Dispatch) -> None:
    now_ms = dispatch.clock.now_ms()
    where = Position(lat=31.1, lon=121.2, accuracy_m=7.5, time_ms=now_ms - 4_500)
    raised = alarm(dispatch.ours, "with a fix", now_ms, position=where)
    with dispatch.database.writing() as connection:
        raise_alert(connection, raised, now_ms)
    async with dispatch.client(dispatch.ours) as client:
        shown = (await client.get(f"/api/v1/alerts/{raised.id}")).json()["position"]
    assert shown == {
        "lat": 31.1,
        "lon": 121.2,
        "accuracy_m": 7.5,
        "time": rfc3339(now_ms - 4_500),
        "age_s": 4.5,
        "source": "alarm",
    }


async def test_without_one_the_last_known_position_is_shown_and_named_so(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        shown = (await client.get(f"/api/v1/alerts/{dispatch.ours.alert}")).json()["position"]
        assert (shown["source"], shown["lat"], shown["age_s"]) == ("last_known", 31.2304, 31.0)
        with dispatch.database.writing() as connection:
            connection.execute(positions.delete())
        shown = (await client.get(f"/api/v1/alerts/{dispatch.ours.alert}")).json()["position"]
    assert shown is None


async def test_a_clock_that_is_ahead_gives_no_negative_age(dispatch: Dispatch) -> None:
    now_ms = dispatch.clock.now_ms()
    raised = alarm(
        dispatch.ours, "tomorrow", now_ms, position=Position(lat=1, lon=2, time_ms=now_ms + 10_000)
    )
    with dispatch.database.writing() as connection:
        raise_alert(connection, raised, now_ms)
    async with dispatch.client(dispatch.ours) as client:
        assert (await client.get(f"/api/v1/alerts/{raised.id}")).json()["position"]["age_s"] == 0
