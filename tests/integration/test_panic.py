"""The life of a panic, from outside: pressed, seen, acknowledged, told."""

import json
from queue import Queue
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.support.mqtt import listening, publish_json
from tests.support.requires import require
from tests.support.service import Household, Service
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.integration


def live(household: Household, after: str | None = None) -> Connection:
    url = household.service.base_url.replace("http", "ws") + "/api/v1/live"
    if after is not None:
        url += f"?after={after}"
    headers = {"Authorization": household.http.headers["Authorization"]}
    return connect(url, additional_headers=headers, proxy=None, open_timeout=PATIENCE_S)


def next_frame(socket: Connection, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(socket.recv(PATIENCE_S))
        if frame["type"] == kind:
            return frame


def next_news(down: "Queue[dict[str, Any]]") -> dict[str, Any]:
    """What the device hears next of its alarms: it is told to report more often, too."""
    while True:
        told = down.get(timeout=PATIENCE_S)
        if told["kind"] != "configure":
            return told


def test_a_panic_reaches_the_dispatcher_and_the_answer_the_nurse(
    service: Service, household: Household
) -> None:
    require("mosquitto")
    phone = household.phone
    with live(household) as socket, listening(service.mqtt_port, phone) as down:
        assert next_frame(socket, "snapshot")["alerts"] == []
        panic = {
            "kind": "panic",
            "seq": 1,
            "id": "press-1",
            "fix": {"lat": 31.23, "lon": 121.47, "accuracy_m": 9},
        }
        publish_json(service.mqtt_port, phone, "alarm", panic)
        frame = next_frame(socket, "alert")
        alert = household.await_alert(kind="panic")
        assert frame["alert"]["id"] == alert["id"]
        assert (alert["severity"], alert["state"], alert["nurse"]) == ("critical", "raised", household.nurse)
        received = next_news(down)
        assert (received["kind"], received["alarm"], received["alert"]) == (
            "alarm_received",
            "press-1",
            alert["id"],
        )
        answer = household.http.post(
            f"/api/v1/alerts/{alert['id']}/acknowledge", json={"version": frame["alert"]["version"]}
        )
        assert answer.status_code == 200, answer.text
        told = next_news(down)
        assert (told["kind"], told["alarm"], told["alert"]) == ("alarm_acknowledged", "press-1", alert["id"])
        stale = household.http.post(f"/api/v1/alerts/{alert['id']}/acknowledge", json={"version": 1})
        assert stale.status_code == 409
        assert stale.json()["by"] == household.login
        version = household.alerts()[0]["version"]
        closed = household.http.post(
            f"/api/v1/alerts/{alert['id']}/resolve", json={"version": version, "reason": "assisted"}
        )
        assert closed.status_code == 200, closed.text
        assert next_news(down)["kind"] == "alarm_closed"


def test_a_repeated_alarm_is_one_alert_and_answered_each_time(service: Service, household: Household) -> None:
    require("mosquitto")
    with listening(service.mqtt_port, household.phone) as down:
        for _ in range(3):
            publish_json(service.mqtt_port, household.phone, "alarm", {"kind": "panic", "seq": 9})
            assert next_news(down)["kind"] == "alarm_received"
    assert len(household.alerts(kind="panic")) == 1


def test_another_press_while_one_is_open_is_noted_on_it(service: Service, household: Household) -> None:
    require("mosquitto")
    with listening(service.mqtt_port, household.phone) as down:
        for press in ("a", "b"):
            publish_json(service.mqtt_port, household.phone, "alarm", {"kind": "panic", "id": press})
            assert next_news(down)["alarm"] == press
    (alert,) = household.alerts(kind="panic")
    detail = household.http.get(f"/api/v1/alerts/{alert['id']}").json()
    assert "pressed_again" in [entry["what"] for entry in detail["timeline"]]


@pytest.mark.parametrize(
    "payload", ['{"kind":"panic","seq":1,"ti', "help", '{"kind":"panic","fix":{"lat":"x"}}']
)
def test_a_broken_alarm_raises_an_alert_and_is_kept(
    service: Service, household: Household, payload: str
) -> None:
    require("mosquitto")
    from tests.support.mqtt import publish

    publish(service.mqtt_port, household.phone, f"vigil/v1/{household.phone['id']}/alarm", payload)
    assert household.await_alert(kind="panic")["doubts"]


def test_the_feed_replays_what_was_missed(service: Service, household: Household) -> None:
    require("mosquitto")
    with live(household) as socket:
        cursor = next_frame(socket, "snapshot")["cursor"]
    publish_json(service.mqtt_port, household.phone, "alarm", {"kind": "panic", "id": "missed"})
    household.await_alert(kind="panic")
    with live(household, after=cursor) as socket:
        assert next_frame(socket, "alert")["alert"]["kind"] == "panic"
