"""Tracks, dead letters and the audit trail: who reads them, and that reading is written down."""

import base64

import pytest
from sqlalchemy import select, text

from devices.rfc3339 import rfc3339
from safety.store.audit import append_audit, verify_audit
from safety.store.tables import audit, dead_letters
from tests.support.dispatch import START_MS, Dispatch, place_nurse


async def test_a_track_is_geojson_in_order_and_its_reading_is_on_the_trail(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    with dispatch.database.writing() as connection:
        for step in range(5):
            place_nurse(connection, ours, START_MS - 20_000 + step * 1000, 31.0 + step, 121.0)
    async with dispatch.client(ours) as client:
        params = {"from": rfc3339(START_MS - 20_000), "to": rfc3339(START_MS - 16_000)}
        answer = await client.get(f"/api/v1/nurses/{ours.nurse}/track", params=params)
    assert answer.headers["content-type"] == "application/geo+json"
    track = answer.json()
    assert track["type"] == "FeatureCollection"
    points = [feature["geometry"]["coordinates"] for feature in track["features"]]
    assert points == [[121.0, 31.0], [121.0, 32.0], [121.0, 33.0], [121.0, 34.0]]
    with dispatch.database.reading() as connection:
        row = connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(1)).one()
        assert verify_audit(connection) is None
    assert (row.action, row.actor, row.subject, row.org) == (
        "track_read",
        ours.logins["dispatcher"],
        ours.nurse,
        ours.org,
    )
    assert row.detail == params


async def test_a_long_track_comes_in_pages_and_each_is_written_down(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    with dispatch.database.writing() as connection:
        for step in range(7):
            place_nurse(connection, ours, START_MS - 20_000 + step, 31.0, 121.0)
    path, times, pages = f"/api/v1/nurses/{ours.nurse}/track", [], 0
    async with dispatch.client(ours) as client:
        cursor: str | None = ""
        while cursor is not None:
            page = (await client.get(path, params={"limit": 3, "cursor": cursor})).json()
            times += [feature["properties"]["time"] for feature in page["features"]]
            cursor, pages = page["next"], pages + 1
    assert times == sorted(set(times))
    assert len(times) == 8
    with dispatch.database.reading() as connection:
        reads = connection.execute(select(audit).where(audit.c.action == "track_read")).all()
    assert len(reads) == pages == 3


async def test_without_times_a_track_is_that_of_the_last_day(dispatch: Dispatch) -> None:
    ours = dispatch.ours
    async with dispatch.client(ours) as client:
        path = f"/api/v1/nurses/{ours.nurse}/track"
        assert len((await client.get(path)).json()["features"]) == 1
        dispatch.clock.advance_s(3000)
        assert len((await client.get(path, params={"from": dispatch.clock.now_ms()})).json()["features"]) == 0
        turned = {"from": START_MS, "to": START_MS - 1}
        assert (await client.get(path, params=turned)).status_code == 422


async def test_a_dead_letter_is_listed_short_and_read_whole(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "supervisor") as client:
        letters = (await client.get("/api/v1/dead-letters")).json()["items"]
        assert [letter["id"] for letter in letters] == ["letter-child", "letter-ours"]
        letter = letters[1]
        assert (letter["reason"], letter["field"], letter["payload_bytes"]) == ("unreadable", "$", 6000)
        assert len(letter["payload"]) == 4096
        whole = (await client.get("/api/v1/dead-letters/letter-ours")).json()
        assert base64.b64decode(whole["payload_base64"]) == b"\xff{" * 3000
        params = {"reason": "unknown_device"}
        assert (await client.get("/api/v1/dead-letters", params=params)).json()["items"] == []
        mine = (await client.get("/api/v1/dead-letters", params={"device": dispatch.ours.device})).json()
        assert [found["id"] for found in mine["items"]] == ["letter-ours"]


@pytest.mark.parametrize("payload", [b"{}", b""])
async def test_what_belongs_to_nobody_is_seen_by_the_first_organisation_only(
    dispatch: Dispatch, payload: bytes
) -> None:
    stray = {
        "id": "letter-stray",
        "at_ms": START_MS,
        "topic": "vigil/v1/dev_x/location",
        "device": "dev_x",
        "org": None,
        "reason": "unknown_device",
        "explanation": "no such device",
        "field": None,
        "payload": payload,
    }
    with dispatch.database.writing() as connection:
        connection.execute(dead_letters.insert().values(stray))
        append_audit(connection, actor="unknown", action="login_failed", at_ms=START_MS)
    for house, sees in ((dispatch.ours, True), (dispatch.child, False), (dispatch.theirs, False)):
        async with dispatch.client(house, "admin") as client:
            letters = (await client.get("/api/v1/dead-letters")).json()["items"]
            assert ("letter-stray" in {letter["id"] for letter in letters}) == sees
            status = (await client.get("/api/v1/dead-letters/letter-stray")).status_code
            assert status == (200 if sees else 404)
            records = (await client.get("/api/v1/audit", params={"actor": "unknown"})).json()["items"]
            assert bool(records) == sees


async def test_the_audit_trail_is_filtered_and_carries_its_chain(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours, "auditor") as client:
        whole = (await client.get("/api/v1/audit", params={"limit": 500})).json()["items"]
        assert [record["seq"] for record in whole] == sorted((r["seq"] for r in whole), reverse=True)
        by_seq = {record["seq"]: record for record in whole}
        for record in whole:
            before = by_seq.get(record["seq"] - 1)
            assert before is None or record["previous_hash"] == before["hash"]
        added = (await client.get("/api/v1/audit", params={"action": "nurse_added"})).json()["items"]
        assert {record["subject"] for record in added} == {dispatch.ours.nurse, dispatch.child.nurse}
        params = {"subject": dispatch.ours.visit, "actor": "system", "since": str(START_MS)}
        visit = (await client.get("/api/v1/audit", params=params)).json()["items"]
        assert [record["action"] for record in visit] == ["visit_added"]


async def test_a_record_that_somebody_was_at_is_shown_and_keeps_nobody_from_the_others(
    dispatch: Dispatch,
) -> None:
    with dispatch.database.writing() as connection:
        spoilt = (
            connection.execute(select(audit.c.seq).where(audit.c.action == "nurse_added")).scalars().first()
        )
        connection.execute(text("UPDATE audit SET detail = '5' WHERE seq = :seq"), {"seq": spoilt})
    async with dispatch.client(dispatch.ours, "auditor") as client:
        whole = (await client.get("/api/v1/audit", params={"limit": 500})).json()["items"]
    assert {record["seq"]: record["detail"] for record in whole}[spoilt] == {"unreadable": "5"}
    assert all("unreadable" not in record["detail"] for record in whole if record["seq"] != spoilt)
