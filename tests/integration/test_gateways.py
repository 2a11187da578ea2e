"""Devices, apps and servers that send over HTTP, to a running service."""

import base64
import json
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from devices.identity import new_id
from safety.store.database import Database, database_url
from safety.store.fleet import register_device
from safety.store.gateways import add_gateway
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.sessions import create_session
from safety.store.users import add_user
from tests.support.gateway import basic, bearer, problem
from tests.support.service import Service
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.integration

PANIC = {"kind": "panic", "id": "press-1", "seq": 7}
Headers = dict[str, str]
Json = dict[str, Any]


class Site:
    """An organisation with a supervisor, made in the store of a running service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.by: Json = {"actor": "test", "at_ms": 1}
        self.database = Database(database_url(service.data_dir))
        with self.database.writing() as connection:
            self.org = add_org(connection, name="Gateways", **self.by)
            boss = add_user(connection, self.org, new_id("boss"), "supervisor", "correct horse", 1)
            self.token = create_session(connection, boss, 3600, 2**42)
        self.anybody = httpx.Client(
            base_url=f"{service.base_url}/gateway", timeout=PATIENCE_S, trust_env=False
        )

    def close(self) -> None:
        self.anybody.close()
        self.database.close()

    def device(self, codec: str = "native", external_id: str | None = None) -> tuple[str, str]:
        """Add a phone of a nurse of its own; return its id and secret."""
        with self.database.writing() as connection:
            nurse = add_nurse(connection, org=self.org, name="Anna", **self.by)
            device, secret = register_device(
                connection, kind="phone", nurse=nurse, codec=codec, external_id=external_id, **self.by
            )
        return device.id, secret

    def gateway(self, codec: str) -> Headers:
        """Add a gateway; return the header of its login."""
        with self.database.writing() as connection:
            gateway, secret = add_gateway(connection, org=self.org, codec=codec, **self.by)
        return bearer(f"{gateway.id}~{secret}")

    def get(self, path: str, **params: str) -> list[Json]:
        """The items of a list, as the supervisor sees them."""
        url = f"{self.service.base_url}/api/v1{path}"
        answer = self.anybody.get(url, params=params, headers=bearer(self.token))
        assert answer.status_code == 200, answer.text
        items: list[Json] = answer.json()["items"]
        return items

    def alerts(self, device: str) -> list[Json]:
        """The alerts of a device."""
        return [alert for alert in self.get("/alerts") if alert["device"] == device]

    def alert(self, device: str, **said: str) -> Json:
        """Wait for the one alert of a device."""

        def found() -> list[Json]:
            return [one for one in self.alerts(device) if said.items() <= one.items()]

        [alert] = wait_until(found, what=f"an alert of {device} with {said}")
        return alert


@pytest.fixture(scope="module")
def site(service: Service) -> Iterator[Site]:
    with closing(Site(service)) as site:
        yield site


def about_alarms(answer: httpx.Response) -> list[Json]:
    """The commands of a native answer that are about alarms: rules send others as well."""
    assert answer.status_code == 200, answer.text
    return [command for command in answer.json()["commands"] if "alarm" in command]


def until(kind: str, ask: Callable[[], httpx.Response]) -> Json:
    """Ask until an answer holds a command of `kind`, and return that."""

    def told() -> list[Json]:
        return [command for command in about_alarms(ask()) if command["kind"] == kind]

    return wait_until(told, what=kind)[-1]


def test_a_panic_is_answered_with_its_receipt_and_later_with_its_end(site: Site) -> None:
    device, secret = site.device()
    headers = basic(device, secret)

    def press() -> httpx.Response:
        return site.anybody.post("/native/alarm", json=PANIC, headers=headers)

    received = [until("alarm_received", press) for _ in range(3)]
    alert = site.alert(device, kind="panic")
    assert {(one["alarm"], one["alert"]) for one in received} == {("press-1", alert["id"])}
    path = f"{site.service.base_url}/api/v1/alerts/{alert['id']}/acknowledge"
    body = {"version": alert["version"]}
    site.anybody.post(path, json=body, headers=bearer(site.token)).raise_for_status()

    def ask(*seen: Json) -> httpx.Response:
        ids = {"seen": ",".join(command["id"] for command in seen)}
        return site.anybody.post("/native/status", params=ids, json={}, headers=headers)

    acknowledged = until("alarm_acknowledged", lambda: ask(*received))
    assert acknowledged["alarm"] == "press-1"
    late: list[Json] = []

    def left() -> list[Json]:
        # A press whose answer came too late was said again, and has a receipt of its own.
        told = about_alarms(ask(*late))
        late[:] = [one for one in told if one["kind"] == "alarm_received"]
        return told

    wait_until(lambda: left() == [acknowledged], what="nothing but the end of it")
    assert about_alarms(ask(acknowledged)) == []


def test_an_alarm_without_coordinates_and_one_that_is_no_json_are_alerts(site: Site) -> None:
    device, secret = site.device()
    for broken in (b'{"kind": "fall", "id": "f-1", "fix": {"lat": null, "lon": 121.5}}', b'{"kind": "pan'):
        answer = site.anybody.post("/native/alarm", content=broken, headers=basic(device, secret))
        assert answer.status_code == 200
    wait_until(lambda: {one["kind"] for one in site.alerts(device)} == {"fall", "panic"}, what="two alerts")


def test_what_is_refused_is_kept_where_supervisors_see_it(site: Site) -> None:
    device, secret = site.device()
    refused = site.anybody.post("/native/location", content=b'{"lat": 310}', headers=basic(device, secret))
    assert problem(refused, 422)["field"] == "lat"
    problem(site.anybody.post("/native/alarm", json=PANIC, headers=basic(device, "guess")), 401)

    def letters() -> dict[str, Json]:
        return {letter["reason"]: letter for letter in site.get("/dead-letters", device=device)}

    wait_until(lambda: letters().keys() == {"unreadable", "login_refused"}, what="two dead letters")
    kept = letters()["unreadable"]
    assert (kept["topic"], kept["field"]) == ("POST /gateway/native/location", "lat")
    assert site.alerts(device) == []


def test_real_apps_press_sos(site: Site) -> None:
    client, secret = site.device("osmand")
    sos = {"id": f"{client}~{secret}", "alarm": "sos", "timestamp": "0"}
    assert site.anybody.get("/osmand", params=sos).status_code == 200
    site.alert(client, kind="panic")
    app, secret = site.device("owntracks")
    place = {"_type": "location", "lat": 31.2304, "lon": 121.4737, "tst": 1795352400, "acc": 15, "tid": "an"}
    answer = site.anybody.post("/owntracks", json=place, headers=basic(app, secret))
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_gateway_brings_a_press_and_speaks_for_nobody_elses_device(site: Site) -> None:
    button, _ = site.device("chirpstack", "24e124535b316057")
    press = {
        "deviceInfo": {"devEui": "24E124535B316057"},
        "fCnt": 4,
        "fPort": 85,
        "data": base64.b64encode(bytes.fromhex("ff2e02")).decode(),
    }
    answer = site.anybody.post("/chirpstack?event=up", json=press, headers=site.gateway("chirpstack"))
    assert (answer.status_code, answer.json()["faults"]) == (200, [])
    site.alert(button, kind="panic")
    tracker, _ = site.device("traccar", "861536030196001")
    place = {
        "position": {"fixTime": "2026-11-22T08:00:00Z", "valid": True, "latitude": 31.2, "longitude": 121.5},
        "device": {"uniqueId": "861536030196001"},
    }
    with closing(Site(site.service)) as strangers:
        theirs = strangers.anybody.post("/traccar", json=place, headers=strangers.gateway("traccar"))
        assert (theirs.status_code, theirs.json()["reports"]) == (200, 0)
        letters = wait_until(lambda: strangers.get("/dead-letters"), what="the dead letter")
        assert [letter["reason"] for letter in letters] == ["foreign_device"]
    ours = site.anybody.post("/traccar", json=place, headers=bearer(site.token))
    assert ours.json()["reports"] >= 1
    heard = [one for one in site.get("/devices") if one["id"] == tracker]
    assert len(heard) == 1


def test_killed_between_the_append_and_the_answer_there_is_one_alert(own_service: Service) -> None:
    own_service.start()
    with closing(Site(own_service)) as site:
        device, secret = site.device()
        headers = basic(device, secret)
        body = json.dumps(PANIC)
        head = [
            "POST /gateway/native/alarm HTTP/1.1",
            "Host: vigil",
            f"Authorization: {headers['Authorization']}",
            f"Content-Length: {len(body)}",
        ]
        with socket.create_connection(("127.0.0.1", own_service.http_port)) as connection:
            connection.sendall("\r\n".join([*head, "", body]).encode())
            wait_until(lambda: is_logged(own_service.data_dir), what="the alarm in the log")
            own_service.kill()
        own_service.start()

        def press() -> httpx.Response:
            return site.anybody.post("/native/alarm", json=PANIC, headers=headers)

        received = until("alarm_received", press)
        assert [alert["id"] for alert in site.alerts(device)] == [received["alert"]]


def is_logged(data_dir: Path) -> bool:
    """Whether the alarm is in the log, durably."""
    with closing(sqlite3.connect(f"file:{data_dir / 'log' / 'alarms.db'}?mode=ro", uri=True)) as log:
        entries = log.execute("SELECT value FROM entries WHERE instr(value, 'press-1') LIMIT 1")
        return entries.fetchone() is not None
