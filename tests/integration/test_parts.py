"""The parts as processes of their own, at a real Mosquitto: each may come and go."""

import asyncio
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
from tests.support.kafka import Kafka, prepared
from tests.support.mqtt import listening, publish_json
from tests.support.parts import PartProcess, refused
from tests.support.waiting import PATIENCE_S, wait_until

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
    with httpx.Client(base_url=console.http_url, timeout=PATIENCE_S, trust_env=False) as http:
        answer = http.post("/api/v1/session", json={"username": "anna", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield http


def alerts(http: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get("/api/v1/alerts").json()["items"]
    return found


def told(down: "Queue[dict[str, Any]]", kind: str) -> dict[str, Any]:
    """The next command of `kind` that the phone hears."""
    while (command := down.get(timeout=PATIENCE_S))["kind"] != kind:
        pass
    return command


@pytest.mark.parametrize(
    "store_url", ["postgresql", pytest.param("sqlite", marks=pytest.mark.long)], indirect=True
)
def test_four_processes_do_what_one_does(house: House) -> None:
    with running(house, *PARTS) as parts, dispatcher(parts[3]) as http:
        with listening(house.broker.port, house.phone) as down:
            house.panics(1)
            assert told(down, "alarm_received")["alarm"] == "press-1"
            [alert] = alerts(http)
            path, body = f"/api/v1/alerts/{alert['id']}/acknowledge", {"version": alert["version"]}
            http.post(path, json=body).raise_for_status()
            assert told(down, "alarm_acknowledged")["alarm"] == "press-1"
        well = [part.parts() for part in parts]
        assert [sorted(one) for one in well] == [
            ["broker", "log", "store"],
            ["engine", "partitions", "store"],
            ["routing", "store"],
            ["store"],
        ]
        for part in parts:
            wait_until(lambda part=part: set(part.parts().values()) == {"ok"}, what="all is well")  # type: ignore[misc]  # a default
        assert "is written by process" in refused("ingest", house.data_dir, house.settings)


@pytest.mark.long
@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_on_kafka_another_takes_over_from_each_that_is_killed(
    house: House, kafka_cluster: Kafka
) -> None:
    servers = await prepared(kafka_cluster, 2)
    house.settings.update(VIGIL_KAFKA_URL=kafka_cluster.url, VIGIL_KAFKA_PREFIX=servers.prefix)
    await asyncio.to_thread(_take_over, house)


def _take_over(house: House) -> None:
    both = ("ingest", "process", "route")
    with running(house, "console", *both, *both) as parts, dispatcher(parts[0]) as http:
        ingests, processes, routes = parts[1::3], parts[2::3], parts[3::3]
        with listening(house.broker.port, house.phone) as down:

            def is_answered(seq: int) -> None:
                house.panics(seq)
                while told(down, "alarm_received")["alarm"] != f"press-{seq}":
                    pass

            is_answered(1)
            for number, killed in enumerate((ingests, processes, routes), start=2):
                killed[0].kill()
                is_answered(number)
                killed[0].start()
            # Whoever took over goes as well: the one that came back takes its place.
            for number, killed in enumerate((ingests, processes, routes), start=5):
                killed[1].kill()
                is_answered(number)
        [alert] = alerts(http)
        entries = http.get(f"/api/v1/alerts/{alert['id']}").json()["timeline"]
        assert [entry["what"] for entry in entries].count("pressed_again") == 6
