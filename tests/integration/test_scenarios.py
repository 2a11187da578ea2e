"""Scenarios against a running service: the shipped ones, and an alarm in each dialect in each way."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from devices.clock import SystemClock
from devices.rfc3339 import rfc3339
from simulators.scenario import SHIPPED
from tests.support.service import Household, Service
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.integration

SPOKEN = {
    "native by mqtt": "codec: native",
    "native by http": "codec: native, by: http",
    "owntracks by mqtt": "codec: owntracks",
    "owntracks by http": "codec: owntracks, by: http",
    "osmand query": "codec: osmand, form: query",
    "osmand json": "codec: osmand",
    "ws101 by mqtt": "codec: chirpstack, kind: button",
    "ws101 by http": "codec: chirpstack, kind: button, by: http",
    "at101 by mqtt": "codec: chirpstack, kind: button, model: at101",
    "traccar by mqtt": "codec: traccar, kind: button",
    "traccar by http": "codec: traccar, kind: button, by: http",
    "jt808 by mqtt": "codec: jt808, kind: recorder",
    "jt808 by http": "codec: jt808, kind: recorder, by: http",
    "gb28181 by mqtt": "codec: gb28181, kind: recorder",
    "gb28181 by http": "codec: gb28181, kind: recorder, by: http",
}
RECEIPT = "{down: alarm_received, within: 60s}"
AT_HOME = {"lat": 31.2291, "lon": 121.4641}
ENDS = {
    "it is over": "{at: 0s, expect: {alert: panic, within: 100ms, exactly: 0}}",
    "a step cannot be done": (
        "{at: 0s, expect: {alert: fall, within: 100ms, exactly: 0}},"
        " {at: 2s, do: resolve, alert: fall, device: anna}"
    ),
    "it is stopped": "{at: 1h, do: fix, device: anna}",
}
NAMES = [*sorted(path.parent.name for path in SHIPPED.glob("*/scenario.yaml")), "dialects"]


def every_dialect() -> str:
    """A scenario in which a device of each dialect says things twice, and alarms once."""
    lines = ["name: each dialect reaches the dispatcher", "devices:"]
    lines += [f"  - {{as: {name}, {spoken}, quirks: {{duplicates: 1}}}}" for name, spoken in SPOKEN.items()]
    lines.append("steps:")
    for name in SPOKEN:
        kind = "tamper" if name.startswith("at101") else "panic"
        receipt = f", {RECEIPT}" if name.startswith("native") else ""
        wanted = f"[{{alert: {kind}, within: 60s, exactly: 1, where: {{test: false}}}}{receipt}]"
        lines.append(f"  - {{at: 0s, do: {kind}, device: {name}, expect: {wanted}}}")
    return "\n".join(lines)


def patient(name: str) -> str:
    """A shipped scenario that gives Vigil ten times as long; where nothing is to come, it waits as it did."""
    shipped = (SHIPPED / name / "scenario.yaml").read_text()
    return re.sub(r"within: ([1-9])s(?!, exactly: 0)", r"within: \g<1>0s", shipped)


class Run(NamedTuple):
    """A scenario at work, and where it will write its outcome."""

    process: "subprocess.Popen[str]"
    junit: Path


@pytest.fixture(scope="module")
def runs(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """All of them at the same time: they mostly wait. At half speed: steps build on what came before."""
    where = tmp_path_factory.mktemp("scenarios")
    household = Household(service, "Scenarios")
    household.close()
    token = supervisor(household)
    with ExitStack() as stack:
        started: dict[str, Run] = {}
        for name in NAMES:
            scenario, junit = where / f"{name}.yaml", where / f"{name}.xml"
            scenario.write_text(every_dialect() if name == "dialects" else patient(name))
            process = stack.enter_context(playing(service, token, scenario, "--junit", str(junit)))
            started[name] = Run(process, junit)
        yield started


def supervisor(household: Household) -> str:
    """A token that may make devices."""
    login = f"boss-{household.org[-6:]}"
    household.service.add_user(household.org, login, "supervisor")
    return household.service.cli("token", "create", "--user", login).strip().splitlines()[-1]


@contextmanager
def playing(service: Service, token: str, scenario: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """A scenario at work, at half speed, and at its end killed if it still is."""
    command = [sys.executable, "-m", "simulators.run", *options, "--token", token]
    command += ["--broker", f"mqtt://127.0.0.1:{service.mqtt_port}", "--api", service.base_url]
    command += ["--speed", "0.5", "--connect-s", f"{PATIENCE_S:g}", str(scenario)]
    with subprocess.Popen(
        command, cwd=scenario.parent, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("name", NAMES)
def test_it_holds(runs: dict[str, Run], name: str) -> None:
    process, junit = runs[name]
    _said, told = process.communicate(timeout=4 * PATIENCE_S)
    assert process.returncode == 0, told
    suite = ElementTree.parse(junit).getroot()[0]  # noqa: S314 - our own text
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert f"{suite.get('tests')} of {suite.get('tests')} expectations held" in told


def test_nobody_is_paged_for_a_scenario_that_is_over_however_it_ended(
    service: Service, tmp_path: Path
) -> None:
    """A phone that falls silent when all have ended shows when theirs would have become alerts."""
    household = Household(service, "After scenarios")
    token = supervisor(household)
    visit = f"{{lat: {AT_HOME['lat']}, lon: {AT_HOME['lon']}, limits: {{phone_silent_s: 10}}}}"
    with ExitStack() as stack:
        stack.callback(household.close)
        processes = []
        for number, step in enumerate(ENDS.values()):
            scenario = tmp_path / f"{number}.yaml"
            scenario.write_text(
                f"name: x\ndevices: [{{as: anna, fix_every: 1s, visit: {visit}}}]\nsteps: [{step}]"
            )
            journal, report = tmp_path / f"{number}.jsonl", tmp_path / f"{number}.xml"
            options = ("--journal", str(journal), "--junit", str(report))
            processes.append(stack.enter_context(playing(service, token, scenario, *options)))
        wait_until(lambda: journal.exists() and '"fix"' in journal.read_text(), what="the last one plays")
        processes[-1].send_signal(signal.SIGTERM)
        told = [process.communicate(timeout=2 * PATIENCE_S)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 1, 1], told
        reports = (tmp_path / f"{number}.xml" for number in range(len(ENDS)))
        suites = [ElementTree.parse(report).getroot()[0] for report in reports]  # noqa: S314 - our own text
        tests = [suite.get("tests") for suite in suites]
        assert tests == ["1", "2", "1"], "what had held is told beside why it went no further"

        boss = {"Authorization": f"Bearer {token}"}
        hours = {"starts_at": rfc3339(now_ms := SystemClock().now_ms()), "ends_at": rfc3339(now_ms + 600_000)}
        planned = {"nurse": household.nurse, **AT_HOME, **hours, "limits": {"phone_silent_s": 10}}
        assert household.http.post("/api/v1/visits", json=planned, headers=boss).status_code == 201
        control = household.await_alert(kind="device_silent")
        assert control["device"] == household.phone["id"]
        assert [alert["id"] for alert in household.alerts()] == [control["id"]]
        revoked = household.http.get("/api/v1/devices").json()["items"]
        assert {each["id"] for each in revoked if not each["revoked"]} == {household.phone["id"]}
