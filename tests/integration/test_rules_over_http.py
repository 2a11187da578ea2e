"""Limits and fences set over HTTP in a running service, what comes of them, and the same again on replay."""

from contextlib import closing
from typing import Any

import pytest

from devices.clock import SystemClock
from devices.rfc3339 import rfc3339
from tests.integration.test_visit import HOME_LAT, HOME_LON, add_visit, fix, in_effect
from tests.support.mqtt import publish_json
from tests.support.requires import require
from tests.support.service import Household
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


def test_a_corridor_and_limits_set_over_http_count_and_replay_says_the_same(household: Household) -> None:
    require("mosquitto")
    service, phone = household.service, household.phone
    visit = add_visit(household, "--radius-m", "5000")
    in_effect(household, visit)
    login = f"sup-{household.org[-6:]}"
    north = HOME_LAT + 400 / 110_900
    canal: dict[str, Any] = {
        "name": "canal",
        "mode": "keep_out",
        "geometry": {
            "type": "LineString",
            "coordinates": [[HOME_LON - 0.01, north], [HOME_LON + 0.01, north]],
        },
        "width_m": 60,
        "visit": visit,
        "limits": {"dwell_s": 20},
    }
    with closing(service.client(login, service.add_user(household.org, login, "supervisor"))) as supervisor:
        added = supervisor.post("/api/v1/fences", json=canal)
        assert added.status_code == 201, added.text
        limits = {"limits": {"check_in_every_s": 2, "check_in_grace_s": 1}}
        changed = supervisor.patch(f"/api/v1/visits/{visit}", json=limits)
        assert changed.status_code == 200, changed.text

    missed = household.await_alert(kind="missed_check_in")
    assert (missed["why"]["every_s"], missed["why"]["grace_s"]) == (2.0, 1.0)
    walk = [fix(45, 10, 1), fix(40, 395, 2), fix(30, 400, 3), fix(15, 405, 4)]
    publish_json(service.mqtt_port, phone, "location", walk)
    entered = household.await_alert(kind="fence_enter")
    assert (entered["why"]["fence"], entered["why"]["min_dwell_s"]) == (added.json()["id"], 20.0)

    hour_ago = rfc3339(SystemClock().now_ms() - 3_600_000)
    publish_json(service.mqtt_port, phone, "alarm", {"kind": "fall", "id": "f1", "seq": 9, "time": hour_ago})
    late = household.await_alert(kind="fall")
    assert (late["late"], late["cancel_until"], late["incident"]) == (True, None, missed["incident"])

    # Everything that this service was ever told, once more through the engine.
    def identical() -> bool:
        try:
            lines = service.cli("replay", "--from", "-2h").splitlines()
        except AssertionError:
            return False  # what came in a moment ago is not stored yet
        return lines[-1] == "identical" and " 0 alerts" not in lines[0]

    wait_until(identical, what="the replay to say the same")
