"""Incidents at the API: which alerts are one, and closing one as a whole."""

from typing import Any

import httpx
from sqlalchemy import select

from safety.store.audit import verify_audit
from safety.store.tables import audit
from tests.support.dispatch import Dispatch


async def shown(client: httpx.AsyncClient, alert: str) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/alerts/{alert}")
    assert answer.status_code == 200, answer.text
    detail: dict[str, Any] = answer.json()
    return detail


async def test_alerts_of_one_incident_name_each_other(dispatch: Dispatch) -> None:
    panic = dispatch.ours.alert
    fall = dispatch.raise_alarm(dispatch.ours, "a fall", "fall")
    dispatch.raise_alarm(dispatch.child, "another's", "fall")
    async with dispatch.client(dispatch.ours) as client:
        lead, held = await shown(client, panic), await shown(client, fall)
        assert (lead["incident"], lead["held_by"]) == (panic, None)
        assert (held["incident"], held["held_by"], held["escalates_at"]) == (panic, panic, None)
        (other,) = lead["incident_alerts"]
        assert other == {
            name: held[name] for name in ("id", "kind", "severity", "state", "raised_at", "held_by")
        }
        assert [one["id"] for one in held["incident_alerts"]] == [panic]
        listed = await client.get("/api/v1/alerts", params={"incident": panic})
        assert {one["id"] for one in listed.json()["items"]} == {panic, fall}
        theirs = await client.get("/api/v1/alerts", params={"incident": dispatch.theirs.alert})
        assert theirs.json()["items"] == []


async def test_closing_an_incident_closes_all_and_says_who(dispatch: Dispatch) -> None:
    panic = dispatch.ours.alert
    fall = dispatch.raise_alarm(dispatch.ours, "a fall", "fall")
    body = {"version": 1, "reason": "assisted", "incident": True}
    async with dispatch.client(dispatch.ours) as client:
        answer = await client.post(f"/api/v1/alerts/{panic}/resolve", json=body)
        assert answer.status_code == 200, answer.text
        closed = await shown(client, fall)
    me = dispatch.ours.logins["dispatcher"]
    assert (closed["state"], closed["resolution"], closed["owner"]) == ("resolved", "assisted", me)
    with dispatch.database.reading() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(2)).all()
        assert verify_audit(connection) is None
    found = [(row.action, row.actor, row.subject, row.detail) for row in reversed(rows)]
    assert found == [("alert_resolve", me, panic, {}), ("alert_resolve", me, fall, {"with": panic})]


async def test_closing_the_lead_alone_makes_what_it_held_due(dispatch: Dispatch) -> None:
    fall = dispatch.raise_alarm(dispatch.ours, "a fall", "fall")
    body = {"version": 1, "reason": "false_alarm"}
    async with dispatch.client(dispatch.ours) as client:
        await client.post(f"/api/v1/alerts/{dispatch.ours.alert}/resolve", json=body)
        released = await shown(client, fall)
    assert (released["state"], released["held_by"]) == ("raised", None)
    assert released["escalates_at"] is not None


async def test_acknowledging_the_lead_acknowledges_what_it_held(dispatch: Dispatch) -> None:
    falls = [dispatch.raise_alarm(dispatch.ours, f"fall {number}", "fall") for number in range(5)]
    async with dispatch.client(dispatch.ours) as client:
        await client.post(f"/api/v1/alerts/{dispatch.ours.alert}/acknowledge", json={"version": 1})
        states = {(await shown(client, fall))["state"] for fall in falls}
    assert states == {"acknowledged"}
