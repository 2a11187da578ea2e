"""A monthly round: a button that cannot say `test` is tested, and pressed again in earnest."""

from typing import Any

import pytest
from sqlalchemy import func, select

from safety.store.database import Database, database_url
from safety.store.tables import plan_changes
from tests.support.mqtt import publish_json
from tests.support.requires import require
from tests.support.service import Household, Service
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


def test_the_first_press_is_the_test_and_the_second_is_real(service: Service, household: Household) -> None:
    require("mosquitto")
    button = service.add_device(household.nurse, "button")
    service.cli("device", "test", button["id"], "--within", "10m")
    database = Database(database_url(service.data_dir))
    try:
        wait_until(lambda: are_plans_told(database), what="the plan in the log")
    finally:
        database.close()

    publish_json(service.mqtt_port, button, "alarm", {"kind": "panic", "seq": 1})
    tested = household.await_alert(kind="panic")
    assert (tested["test"], tested["why"]["how"]) == (True, "planned_test")
    publish_json(service.mqtt_port, button, "alarm", {"kind": "panic", "seq": 2})
    wait_until(lambda: len(household.alerts(kind="panic")) == 2, what="the second press")
    real = household.alerts(kind="panic")[0]
    assert not real["test"]

    wait_until(lambda: is_paged(household, real), what="the page of the second press")
    assert not is_paged(household, tested)
    shown = household.http.get(f"/api/v1/devices/{button['id']}").json()
    assert shown["last_tested_at"] is not None
    assert shown["test_until"] is None
    untested = household.http.get("/api/v1/devices/untested").json()["items"]
    assert button["id"] not in {item["id"] for item in untested}


def is_paged(household: Household, alert: dict[str, Any]) -> bool:
    """Tell whether people were told of the alert."""
    timeline = household.http.get(f"/api/v1/alerts/{alert['id']}").json()["timeline"]
    return "escalated" in {entry["what"] for entry in timeline}


def are_plans_told(database: Database) -> bool:
    """Tell whether every change of a plan is in the log."""
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(plan_changes)).scalar() == 0
