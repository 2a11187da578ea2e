"""The parts as processes of their own, at a real Mosquitto: each may come and go."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

import httpx
import pytest

from devices.identity import new_id
from devices.registry.port import Device
from devices.registry.sql import add_device
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.users import add_user
from tests.support.brokers import Mosquitto, mosquitto
from tests.support.changes import BY
from tests.support.mqtt import listening, publish_json
from tests.support.parts import PartProcess, refused
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration
PASSWORD = "correct horse battery"  # of this test only
PARTS = ("ingest", "process", "route", "console")


class House(NamedTuple):
    """A store with a nurse, her phone and a dispatcher, and a broker that knows the phone."""

    data_dir: Path
    settings: dict[str, str]
    broker: Mosquitto
    phone: dict[str, Any]

    def part(self, name: str) -> PartProcess:
        """One of the parts, not yet started."""
        return PartProcess(name, self.data_dir, self.settings)

    def panics(self, seq: int) -> None:
        """The nurse presses."""
        publish_json(
            self.broker.port, self.phone, "alarm", {"kind": "panic", "seq": seq, "id": f"press-{seq}"}
        )


@pytest.fixture
def house(store_url: str, tmp_path: Path) -> Iterator[House]:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    settings = {} if store_url.startswith("sqlite") else {"VIGIL_DATABASE_URL": store_url}
    database = Database(database_url(data_dir, settings.get("VIGIL_DATABASE_URL")))
    migrate(database.engine)
    with database.writing() as connection:
        org = add_org(connection, name="Pudong Care", **BY)
        nurse = add_nurse(connection, org=org, name="Li Na", **BY)
        device = Device(id=new_id("dev"), kind="phone", org=org, nurse=nurse)
        phone = {"id": device.id, "secret": add_device(connection, device, BY["at_ms"])}
        add_user(connection, org, "anna", "dispatcher", PASSWORD, BY["at_ms"])
    database.close()
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker", {phone["id"]: phone["secret"]}) as broker:
        yield House(data_dir, settings | {"VIGIL_BROKER_URL": broker.url}, broker, phone)


@contextmanager
def running(house: House, *names: str) -> Iterator[list[PartProcess]]:
    """Start parts side by side, and stop them in order."""
    with ExitStack() as stack:
        parts = [house.part(name) for name in names]
        for part in parts:
            part.begin()
            stack.push(part)
        for part in parts:
            part.await_ready()
        yield parts


@contextmanager
def dispatcher(console: PartProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=console.http_url, timeout=10, trust_env=False) as http:
        answer = http.post("/api/v1/session", json={"username": "anna", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield http


def alerts(http: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get("/api/v1/alerts").json()["items"]
    return found


def told(down: "Queue[dict[str, Any]]", kind: str, timeout_s: float = 5.0) -> dict[str, Any]:
    """The next command of `kind` that the phone hears."""
    while (command := down.get(timeout=timeout_s))["kind"] != kind:
        pass
    return command


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_four_processes_do_what_one_does(house: House) -> None:
    with running(house, *PARTS) as parts, dispatcher(parts[3]) as http:
        with listening(house.broker.port, house.phone) as down:
            house.panics(1)
            assert told(down, "alarm_received")["alarm"] == "press-1"
            [alert] = alerts(http)
            http.post(f"/api/v1/alerts/{alert['id']}/acknowledge", json={"version": alert["version"]})
            assert told(down, "alarm_acknowledged")["alarm"] == "press-1"
        well = [part.parts() for part in parts]
        assert [sorted(one) for one in well] == [
            ["broker", "log", "store"],
            ["engine", "store"],
            ["routing", "store"],
            ["store"],
        ]
        assert {state for one in well for state in one.values()} == {"ok"}
        assert "is written by process" in refused("ingest", house.data_dir, house.settings)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_each_part_may_be_killed_and_comes_back_to_what_waited(house: House) -> None:
    with running(house, *PARTS) as (ingest, process, route, console), dispatcher(console) as http:
        process.kill()
        house.panics(1)  # the log keeps it
        process.start()
        [alert] = wait_until(lambda: alerts(http), what="the alert")
        ingest.kill()
        house.panics(2)  # the broker keeps it
        ingest.start()
        pressed = f"/api/v1/alerts/{alert['id']}"
        wait_until(
            lambda: "pressed_again" in [entry["what"] for entry in http.get(pressed).json()["timeline"]],
            what="the second press",
        )
        route.kill()
        with listening(house.broker.port, house.phone) as down:
            house.panics(3)  # the store keeps what the phone is owed
            route.start()
            while told(down, "alarm_received", 15)["alarm"] != "press-3":
                pass
