"""A visit from outside: what the rules make of what a phone says, or does not say."""

import json
from contextlib import closing

import pytest

from devices.clock import SystemClock
from devices.rfc3339 import rfc3339
from tests.support.mqtt import publish, publish_json
from tests.support.requires import require
from tests.support.service import Household
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

HOME_LAT, HOME_LON = 31.2304, 121.4737


def add_visit(household: Household, *options: str) -> str:
    at = ("--lat", str(HOME_LAT), "--lon", str(HOME_LON), "--start", "-1m", "--end", "+1h")
    return household.service.add("visit", "add", "--nurse", household.nurse, *at, *options)


def fix(seconds_ago: float, north_m: float, seq: int) -> dict[str, object]:
    time_ms = SystemClock().now_ms() - round(seconds_ago * 1000)
    lat = HOME_LAT + north_m / 110_900
    return {"seq": seq, "time": rfc3339(time_ms), "lat": lat, "lon": HOME_LON, "accuracy_m": 8}


def in_effect(household: Household, visit: str) -> None:
    """Wait until the engine knows of the visit: a fix is then part of its track."""
    port, phone = household.service.mqtt_port, household.phone

    def known() -> bool:
        publish_json(port, phone, "location", fix(50, 5, 0))
        items = household.http.get("/api/v1/positions").json()["items"]
        return bool(items) and items[0]["visit"] == visit

    wait_until(known, what="the visit to take effect")


def test_leaving_the_visit_is_told(household: Household) -> None:
    require("mosquitto")
    visit = add_visit(household)
    in_effect(household, visit)
    port, phone = household.service.mqtt_port, household.phone
    fixes = [fix(45, 10, 1), fix(40, 400, 2), fix(30, 420, 3), fix(8, 440, 4)]
    publish_json(port, phone, "location", fixes)
    alert = household.await_alert(kind="fence_exit")
    assert (alert["visit"], alert["severity"], alert["nurse"]) == (visit, "warning", household.nurse)
    track = household.http.get(f"/api/v1/nurses/{household.nurse}/track").json()
    assert "LineString" in json.dumps(track) or "Point" in json.dumps(track)


def test_a_missed_check_in_is_told_and_a_late_one_noted(household: Household) -> None:
    require("mosquitto")
    visit = add_visit(household, "--check-in-every", "3s")
    alert = household.await_alert(kind="missed_check_in")
    assert (alert["visit"], alert["device"]) == (visit, None)
    publish_json(household.service.mqtt_port, household.phone, "event", {"kind": "check_in", "seq": 1})

    def noted() -> bool:
        detail = household.http.get(f"/api/v1/alerts/{alert['id']}").json()
        return "checked_in" in [entry["what"] for entry in detail["timeline"]]

    wait_until(noted, what="the check-in on the timeline")


def test_a_fall_taken_back_is_cancelled(household: Household) -> None:
    require("mosquitto")
    port, phone = household.service.mqtt_port, household.phone
    publish_json(port, phone, "alarm", {"kind": "fall", "id": "f1", "seq": 1})
    alert = household.await_alert(kind="fall")
    assert alert["cancel_until"] is not None
    publish_json(port, phone, "event", {"kind": "cancel_alarm", "alarm": "f1", "seq": 2})
    household.await_alert(kind="fall", state="cancelled")


def test_what_cannot_be_read_is_kept_with_its_field(household: Household) -> None:
    require("mosquitto")
    household.service.add_user(household.org, f"sup-{household.org[-6:]}", "supervisor")
    phone = household.phone
    publish(household.service.mqtt_port, phone, f"vigil/v1/{phone['id']}/location", '{"lat": "x", "lon": 1}')
    publish(household.service.mqtt_port, phone, "vigil/v1/dev_other/alarm", '{"kind": "panic"}')
    login = f"sup-{household.org[-6:]}"
    with closing(household.service.client(login, f"correct-horse-{login}")) as supervisor:

        def letters() -> dict[str, str | None]:
            items = supervisor.get("/api/v1/dead-letters").json()["items"]
            return {item["reason"]: item["field"] for item in items if item["device"] == phone["id"]}

        found = wait_until(lambda: letters() if len(letters()) == 2 else None, what="two dead letters")
    assert found == {"unreadable": "lat", "foreign_topic": None}
    assert household.alerts() == []


def test_nobody_sees_another_organisations_alerts(household: Household) -> None:
    require("mosquitto")
    other = Household(household.service, "other")
    try:
        publish_json(household.service.mqtt_port, household.phone, "alarm", {"kind": "panic", "id": "p"})
        alert = household.await_alert(kind="panic")
        assert other.alerts() == []
        assert other.http.get(f"/api/v1/alerts/{alert['id']}").status_code == 404
    finally:
        other.close()
