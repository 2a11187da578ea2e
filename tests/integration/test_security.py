"""The whole service: certificates from the command line, what is said again, and what the API tells of."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from devices.clock import SystemClock
from devices.rfc3339 import rfc3339
from tests.support.mqtt import publish, publish_json
from tests.support.requires import require
from tests.support.service import Household, Service
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def household(service: Service) -> Iterator[Household]:
    """One organisation for all of these: what each of them leaves behind is in no other's way."""
    with closing(Household(service, "security")) as own:
        yield own


def test_a_certificate_from_the_command_line_raises_an_alarm(service: Service, household: Household) -> None:
    pub = str(require("mosquitto_pub"))
    phone = service.add_device(household.nurse)["id"]
    made = json.loads(service.cli("device", "cert", phone, "--json"))
    files = [Path(made[name]) for name in ("key", "certificate", "authority")]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    command = [pub, "-h", "localhost", "-p", str(service.mqtts_port), "-q", "1", "-t"]
    command += [f"vigil/v1/{phone}/alarm", "--cafile", made["authority"]]
    command += ["--cert", made["certificate"], "--key", made["key"], "-m"]
    subprocess.run([*command, '{"kind":"fall","seq":1}'], check=True, timeout=PATIENCE_S)
    household.await_alert(kind="fall")
    service.cli("device", "revoke", phone)
    again = [*command, '{"kind":"fall","seq":2}']
    assert subprocess.run(again, check=False, timeout=PATIENCE_S, capture_output=True).returncode != 0
    assert len(household.alerts(kind="fall")) == 1


def test_what_is_replayed_raises_nothing_and_moves_nobody(service: Service, household: Household) -> None:
    require("mosquitto_pub")
    now_ms = SystemClock().now_ms()
    panic = {"kind": "panic", "id": "p1", "seq": 1, "time": rfc3339(now_ms - 60_000)}
    before = {"seq": 2, "time": rfc3339(now_ms - 50_000), "lat": 31.23, "lon": 121.47, "accuracy_m": 5}
    after = {"seq": 3, "time": rfc3339(now_ms - 10_000), "lat": 31.24, "lon": 121.48, "accuracy_m": 5}
    for channel, message in (("alarm", panic), ("location", before), ("location", after)):
        publish_json(service.mqtt_port, household.phone, channel, message)
    alert = household.await_alert(kind="panic")

    def positions() -> list[float]:
        items = household.http.get("/api/v1/positions").json()["items"]
        return [item["lat"] for item in items if item["nurse"] == household.nurse]

    wait_until(lambda: positions() == [31.24], what="the newer position")
    household.http.post(
        f"/api/v1/alerts/{alert['id']}/resolve",
        json={"version": household.alerts()[0]["version"], "reason": "assisted"},
    ).raise_for_status()
    for channel, message in (("location", before), ("alarm", panic), ("alarm", panic)):
        publish_json(service.mqtt_port, household.phone, channel, message)
    # What was sent last went through, so what was sent before it did, too.
    publish_json(service.mqtt_port, household.phone, "alarm", {"kind": "tamper", "id": "t1", "seq": 4})
    household.await_alert(kind="tamper")
    assert [one["id"] for one in household.alerts(kind="panic")] == [alert["id"]]
    assert positions() == [31.24]


def test_what_was_refused_is_counted_and_can_be_read(service: Service, household: Household) -> None:
    require("mosquitto_pub")
    login = f"sup-{household.org[-6:]}"
    password = service.add_user(household.org, login, "supervisor")
    phone = household.phone
    publish(service.mqtt_port, phone, "vigil/v1/dev_other/alarm", '{"kind":"panic"}')
    publish(service.mqtt_port, phone, f"vigil/v1/{phone['id']}/location", b" " * 1_500_000)
    with pytest.raises(subprocess.CalledProcessError):
        publish(service.mqtt_port, {"id": phone["id"], "secret": "guess"}, "x", "y")
    wanted = {"foreign_topic", "too_large", "login_refused"}
    with closing(service.client(login, password)) as supervisor:

        def told() -> set[str]:
            items = supervisor.get("/api/v1/dead-letters").json()["items"]
            return {item["reason"] for item in items if item["device"] == phone["id"]}

        wait_until(lambda: told() == wanted, what="a letter for each")
        refused = supervisor.get("/api/v1/dead-letters", params={"reason": "login_refused"}).json()["items"]
        assert "127.0.0.1" in next(item["explanation"] for item in refused if item["device"] == phone["id"])

    def counted() -> set[str]:
        lines = household.http.get("/metrics").text.splitlines()
        counts = dict(line.rsplit(" ", 1) for line in lines if line.startswith("vigil_refusals_total{"))
        return {name.split('"')[1] for name, count in counts.items() if float(count) > 0}

    wait_until(lambda: wanted <= counted(), what="each is counted")
