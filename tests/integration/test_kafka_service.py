"""The whole service with its log in Kafka: a panic comes through, and outlives the death of the service."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import select

from devices.registry.port import Device
from devices.registry.sql import add_device
from safety.store.database import Database, database_url
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.tables import alerts
from tests.support.changes import BY
from tests.support.kafka import Kafka
from tests.support.mqtt import publish_json
from tests.support.requires import require
from tests.support.service import Service
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def on_kafka(own_service: Service, kafka_cluster: Kafka) -> Service:
    """A service with its topics made, not started yet."""
    settings = {
        "kafka_url": kafka_cluster.url,
        "kafka_prefix": "whole.",
        "kafka_partitions": 2,
        "process_name": "only",  # back at once, and not when its former self is found to be dead
    }
    own_service.data_dir.mkdir()
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
    (own_service.data_dir / "vigil.toml").write_text("".join(lines), encoding="utf-8")
    own_service.cli("init")
    return own_service


@pytest.fixture
def store(on_kafka: Service) -> Iterator[Database]:
    with closing(Database(database_url(on_kafka.data_dir))) as database:
        yield database


def phone_of_a_nurse(store: Database) -> dict[str, str]:
    with store.writing() as connection:
        org = add_org(connection, name="Pudong Care", **BY)
        nurse = add_nurse(connection, org=org, name="Li Na", **BY)
        phone = Device(id="dev_phone", kind="phone", org=org, nurse=nurse)
        return {"id": phone.id, "secret": add_device(connection, phone, BY["at_ms"])}


def raised(store: Database) -> list[str]:
    """The kinds of all alerts."""
    with store.reading() as connection:
        return sorted(connection.execute(select(alerts.c.kind)).scalars())


def test_a_panic_through_kafka_outlives_the_service(on_kafka: Service, store: Database) -> None:
    require("mosquitto_pub")
    phone = phone_of_a_nurse(store)
    on_kafka.start()
    panic = {"kind": "panic", "seq": 1, "id": "press-1"}
    publish_json(on_kafka.mqtt_port, phone, "alarm", panic)
    wait_until(lambda: raised(store) == ["panic"], what="an alert")
    on_kafka.kill()
    on_kafka.start()
    publish_json(on_kafka.mqtt_port, phone, "alarm", panic)
    publish_json(on_kafka.mqtt_port, phone, "alarm", {"kind": "fall", "seq": 2, "id": "fall-1"})
    wait_until(lambda: raised(store) == ["fall", "panic"], what="one more alert, and not the old one again")
    said = wait_until(lambda: _replayed_both(on_kafka), what="both are old enough to be compared")
    assert "identical" in said
    assert on_kafka.stop() == 0


def _replayed_both(service: Service) -> str | None:
    said = service.cli("replay", "--from", "-1h")
    return said if "2 alerts compared" in said else None
