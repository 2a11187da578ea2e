"""Scenarios against a running service: the shipped ones, and an alarm in each dialect in each way."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from simulators.scenario import SHIPPED
from tests.support.service import Household, Service
from tests.support.waiting import PATIENCE_S

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
    login = f"boss-{household.org[-6:]}"
    service.add_user(household.org, login, "supervisor")
    token = service.cli("token", "create", "--user", login).strip().splitlines()[-1]
    with ExitStack() as stack:
        started: dict[str, Run] = {}
        for name in NAMES:
            scenario, junit = where / f"{name}.yaml", where / f"{name}.xml"
            scenario.write_text(every_dialect() if name == "dialects" else patient(name))
            command = [sys.executable, "-m", "simulators.run", "--junit", str(junit)]
            command += ["--broker", f"mqtt://127.0.0.1:{service.mqtt_port}", "--api", service.base_url]
            command += ["--token", token, "--speed", "0.5", "--connect-s", f"{PATIENCE_S:g}", str(scenario)]
            process = subprocess.Popen(
                command, cwd=where, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            started[name] = Run(process, junit)
        yield started


@pytest.mark.parametrize("name", NAMES)
def test_it_holds(runs: dict[str, Run], name: str) -> None:
    process, junit = runs[name]
    _said, told = process.communicate(timeout=4 * PATIENCE_S)
    assert process.returncode == 0, told
    suite = ElementTree.parse(junit).getroot()[0]  # noqa: S314 - our own text
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert f"{suite.get('tests')} of {suite.get('tests')} expectations held" in told
