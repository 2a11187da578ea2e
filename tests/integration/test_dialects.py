"""Each dialect from outside: real MQTT messages in its documented form make the right alert."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest

from tests.support.mqtt import publish
from tests.support.requires import require
from tests.support.samples import sample
from tests.support.service import Household, Service
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

EUI = "24e124535b316056"
IMEI = "861510000000007"
SIM = "13912345678"
GB_ID = "34020000001320000001"


class Fleet(NamedTuple):
    """A household with a device and a gateway of each dialect, each device with a nurse of its own."""

    household: Household
    nurses: dict[str, str]
    devices: dict[str, dict[str, Any]]
    gateways: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def fleet(service: Service) -> Iterator[Fleet]:
    """One for all tests of the module."""
    require("mosquitto")
    household = Household(service, "Dialects")
    kinds = {
        "owntracks": ("phone", None),
        "chirpstack": ("button", EUI.upper()),
        "traccar": ("button", IMEI),
        "jt808": ("recorder", SIM),
        "gb28181": ("recorder", GB_ID),
    }
    login = f"supervisor-{household.org[-6:]}"
    with closing(service.client(login, service.add_user(household.org, login, "supervisor"))) as supervisor:

        def add(what: str, **said: Any) -> dict[str, Any]:
            answer = supervisor.post(f"/api/v1/{what}", json=said)
            assert answer.status_code == 201, answer.text
            made: dict[str, Any] = answer.json()
            return made

        nurses = {dialect: add("nurses", org=household.org, name=dialect)["id"] for dialect in kinds}
        devices = {
            dialect: add("devices", kind=kind, nurse=nurses[dialect], codec=dialect, external_id=external)
            for dialect, (kind, external) in kinds.items()
        }
        gateways = {
            dialect: add("gateways", org=household.org, codec=dialect)
            for dialect, (_, external) in kinds.items()
            if external is not None
        }
    yield Fleet(household, nurses, devices, gateways)
    household.close()


def position(fleet: Fleet, dialect: str) -> dict[str, Any]:
    def seen() -> list[dict[str, Any]]:
        items = fleet.household.http.get("/api/v1/positions").json()["items"]
        return [item for item in items if item["nurse"] == fleet.nurses[dialect]]

    return wait_until(seen, what=f"a position by {dialect}")[0]


def alert(fleet: Fleet, dialect: str) -> dict[str, Any]:
    found = fleet.household.await_alert(nurse=fleet.nurses[dialect])
    assert (found["kind"], found["severity"], found["test"]) == ("panic", "critical", False)
    assert found["device"] == fleet.devices[dialect]["id"]
    return found


def test_owntracks(service: Service, fleet: Fleet) -> None:
    phone = fleet.devices["owntracks"]
    topic = f"owntracks/{phone['id']}/phone"
    for name in ("location-strings", "manual", "transition-sos-region"):
        publish(service.mqtt_port, phone, topic, sample("owntracks", name).payload)
    publish(service.mqtt_port, phone, f"{topic}/event", sample("owntracks", "transition").payload)
    assert position(fleet, "owntracks")["device"] == phone["id"]
    assert fleet.household.alerts(nurse=fleet.nurses["owntracks"], kind="panic") == []
    publish(service.mqtt_port, phone, topic, sample("owntracks", "sos-poi").payload)
    assert alert(fleet, "owntracks")["position"]["accuracy_m"] == 12


def test_the_last_will_of_owntracks(service: Service, fleet: Fleet) -> None:
    phone = fleet.devices["owntracks"]
    topic = f"owntracks/{phone['id']}/phone"
    publish(service.mqtt_port, phone, topic, sample("owntracks", "location-nowhere").payload)

    def state() -> str:
        return str(fleet.household.http.get(f"/api/v1/devices/{phone['id']}").json()["state"])

    wait_until(lambda: state() == "online", what="the phone to be online")
    will = ["--will-topic", topic, "--will-payload", '{"_type":"lwt","tst":1440363922}', "--will-qos", "1"]
    login = ["-h", "127.0.0.1", "-p", str(service.mqtt_port), "-u", phone["id"], "-P", phone["secret"]]
    # The app listens for what it is told; that its subscription is granted says that it is logged in.
    command = ["stdbuf", "-oL", "mosquitto_sub", *login, "-t", f"{topic}/cmd", *will, "-d"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None
        assert any("SUBACK" in line for line in app.stdout)
        app.kill()
    wait_until(lambda: state() == "offline", what="the last will")


def test_a_lorawan_button(service: Service, fleet: Fleet) -> None:
    said = json.loads(sample("chirpstack", "ws101-short").payload)
    said["deviceInfo"]["devEui"] = EUI
    topic = f"application/{said['deviceInfo']['applicationId']}/device/{EUI}/event/up"
    for _ in range(3):  # heard by several gateways, repeated: one press
        publish(service.mqtt_port, fleet.gateways["chirpstack"], topic, json.dumps(said))
    raised = alert(fleet, "chirpstack")
    detail = fleet.household.http.get(f"/api/v1/alerts/{raised['id']}").json()
    assert "pressed_again" not in [entry["what"] for entry in detail["timeline"]]
    # The button's own login may bring its uplink too.
    said["fCnt"] += 1
    publish(service.mqtt_port, fleet.devices["chirpstack"], topic, json.dumps(said))

    def pressed_again() -> bool:
        shown = fleet.household.http.get(f"/api/v1/alerts/{raised['id']}").json()
        return "pressed_again" in [entry["what"] for entry in shown["timeline"]]

    assert wait_until(pressed_again, what="the second press on the alert")


def test_a_tracker_behind_traccar(service: Service, fleet: Fleet) -> None:
    gateway = fleet.gateways["traccar"]
    for channel, name in (("positions", "position-invalid-sos"), ("events", "event-sos")):
        said = sample("traccar", name).payload
        publish(service.mqtt_port, gateway, f"traccar/{gateway['id']}/{channel}", said)
    alert(fleet, "traccar")


@pytest.mark.parametrize(("dialect", "name"), [("jt808", "emergency-old"), ("gb28181", "alarm")])
def test_a_recorder_behind_its_platform(service: Service, fleet: Fleet, dialect: str, name: str) -> None:
    gateway = fleet.gateways[dialect]
    said = sample(dialect, name).payload
    publish(service.mqtt_port, gateway, f"platform/{gateway['id']}/{dialect}", said)
    alert(fleet, dialect)


def test_an_alarm_of_a_device_that_nobody_registered_reaches_people(service: Service, fleet: Fleet) -> None:
    gateway = fleet.gateways["traccar"]
    said = json.loads(sample("traccar", "event-sos-alone").payload)
    said["device"]["uniqueId"] = "999000999"
    publish(service.mqtt_port, gateway, f"traccar/{gateway['id']}/events", json.dumps(said))

    def raised() -> list[dict[str, Any]]:
        return [one for one in fleet.household.alerts() if one["device"] == "999000999"]

    found = wait_until(raised, what="the alert of an unknown tracker")[0]
    assert (found["kind"], found["nurse"], found["org"]) == ("panic", None, fleet.household.org)
    assert "device" in found["doubts"]


def test_nobody_speaks_for_another(service: Service, fleet: Fleet) -> None:
    """A phone that says it is the button, and one that uses another's topics, is heard by nobody."""
    phone = fleet.household.phone
    before = len(fleet.household.alerts(nurse=fleet.nurses["chirpstack"]))
    said = sample("chirpstack", "ws101-short").payload
    publish(service.mqtt_port, phone, f"application/7/device/{EUI}/event/up", said)
    sos = sample("owntracks", "sos-poi").payload
    publish(service.mqtt_port, phone, f"owntracks/{fleet.devices['owntracks']['id']}/phone", sos)
    # The last word of the same connection comes through, so what was before it was looked at.
    publish(service.mqtt_port, phone, f"vigil/v1/{phone['id']}/alarm", '{"kind": "panic"}')
    fleet.household.await_alert(nurse=fleet.household.nurse, kind="panic")
    assert len(fleet.household.alerts(nurse=fleet.nurses["chirpstack"])) == before
