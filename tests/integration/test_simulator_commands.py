"""The simulators' commands as processes: their exit codes, their output, and how they end."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.support.brokers import Mosquitto, mosquitto
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.integration

DEVICES = {f"dev_{number}": f"secret-{number}" for number in range(8)}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path, DEVICES) as running:
        yield running


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    path = tmp_path / "roster.json"
    path.write_text(json.dumps([{"id": device, "secret": secret} for device, secret in DEVICES.items()]))
    return path


def simulator(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"simulators.{name}", *map(str, arguments)]


def run(name: str, *arguments: object, timeout_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        simulator(name, *arguments),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "parent gone"])
def test_the_demo_plays_until_it_is_told_to_stop_or_its_parent_is_gone(
    broker: Mosquitto, roster: Path, tmp_path: Path, how: str
) -> None:
    journal = tmp_path / "journal.jsonl"
    command = simulator(
        "demo", "--broker", f"127.0.0.1:{broker.port}", "--roster", roster, "--journal", journal
    )
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        wait_until(
            lambda: (
                {each["device"] for each in lines(journal) if each["what"] == "connected"} == set(DEVICES)
            ),
            what="all devices connected",
        )
        if how == "parent gone":
            process.stdin.close()
        else:
            process.send_signal(getattr(signal, how))
        assert process.wait(PATIENCE_S) == 0
    assert {each["device"] for each in lines(journal) if each["what"] == "disconnected"} == set(DEVICES)


def test_load_keeps_its_rate_and_writes_down_what_was_confirmed(
    broker: Mosquitto, roster: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    done = run(
        *("load", "--broker", f"127.0.0.1:{broker.port}", "--devices", roster, "--rate", 200),
        *("--seconds", 2, "--first-seq", 1_000, "--journal", journal),
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert (outcome["devices"], outcome["fixes"], outcome["fixes_confirmed"]) == (8, 400, 400)
    confirmed = [each for each in lines(journal) if (each["what"], each.get("kind")) == ("confirmed", "fix")]
    assert len({(each["device"], each["seq"]) for each in confirmed}) == 400
    assert min(each["seq"] for each in confirmed) >= 1_000


def test_load_fails_when_nobody_receives_its_panics(broker: Mosquitto, roster: Path) -> None:
    done = run(
        *("load", "--broker", f"127.0.0.1:{broker.port}", "--devices", roster, "--rate", 50),
        *("--seconds", 1, "--panic-every-s", 0.3, "--drain-s", 1),
    )
    assert done.returncode == 1
    outcome = json.loads(done.stdout)
    assert (outcome["panics"] > 0, outcome["panics_received"]) == (True, 0)
    assert "not everything" in done.stderr


@pytest.mark.parametrize("name", ["demo", "load"])
def test_a_bad_roster_is_one_line_and_exit_code_1(tmp_path: Path, name: str) -> None:
    option = "--roster" if name == "demo" else "--devices"
    done = run(name, option, tmp_path / "gone.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "cannot read roster" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\ndevices: [{as: a}]\nsteps: [{at: 0s, do: fly, device: a}]", "$.steps[0].do"),
        ("name: x\ndevices: [{as: a}]\nsteps: [{at: 0s, do: fix, device: a}]", "has no credentials"),
        (
            "name: x\ndevices: [{as: a, id: d, secret: s}]\nsteps: []\nexpect: [{alert: panic, device: a}]",
            "VIGIL_TOKEN",
        ),
    ],
)
def test_a_bad_scenario_is_one_clear_line_and_exit_code_1(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    done = run("run", path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("vigil: ")
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--junit", "--journal"])
def test_a_file_that_cannot_be_written_is_found_before_playing(tmp_path: Path, option: str) -> None:
    path, out = tmp_path / "alone.yaml", tmp_path / "nowhere" / "out"
    path.write_text("name: x\ndevices: [{as: a, id: d, secret: s}]\nsteps: [{at: 0s, do: fix, device: a}]")
    done = run("run", path, "--broker", "127.0.0.1:1", option, out)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"vigil: cannot write {out}: No such file or directory"
    assert "broker" not in done.stderr


class _Refuse(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_error(401)


def test_a_device_that_is_refused_over_http_is_named(tmp_path: Path) -> None:
    path = tmp_path / "alone.yaml"
    path.write_text(
        "name: x\ndevices: [{as: a, id: dev_a, secret: s, by: http}]\n"
        "steps: [{at: 0s, do: panic, device: a, expect: {down: alarm_received, within: 1s}}]"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refuse) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        done = run("run", path, "--api", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert done.returncode == 1
    assert done.stderr.count("dev_a is refused at /gateway/native/") == 1
    assert "with 401" in done.stderr


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("run", "--speed", "0"),
        ("run", "--connect-s", "soon"),
        ("run", "--broker", "http://x"),
        ("run", "--api", "127.0.0.1:8000"),
        ("run", "--set", "NAME"),
        ("load", "--rate", "-5"),
        ("load", "--seconds", "nan"),
        ("load", "--broker", "mqtt://x:port"),
        ("demo", "--fix-every-s", "-1"),
    ],
)
def test_bad_usage_is_exit_code_2_and_names_the_option(
    roster: Path, name: str, option: str, value: str
) -> None:
    files = {"run": ("panic",), "load": ("--devices", roster), "demo": ("--roster", roster)}
    done = run(name, *files[name], f"{option}={value}")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: argument {option}: " in done.stderr
    assert repr(value) in done.stderr


@pytest.mark.parametrize("name", ["load", "demo"])
def test_a_journal_that_cannot_be_written_is_one_line(roster: Path, tmp_path: Path, name: str) -> None:
    option = "--devices" if name == "load" else "--roster"
    done = run(name, option, roster, "--journal", tmp_path / "nowhere" / "journal")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(f"simulators.{name}: cannot write ")
    assert "Traceback" not in done.stderr


def test_a_token_that_is_none_is_one_line(tmp_path: Path) -> None:
    done = run("run", "panic", "--token", "é")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("vigil: this is no token")


def test_a_broker_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "alone.yaml"
    path.write_text("name: x\ndevices: [{as: a, id: d, secret: s}]\nsteps: [{at: 0s, do: fix, device: a}]")
    done = run("run", path, "--broker", "127.0.0.1:1", "--connect-s", "3")
    assert done.returncode == 1
    *_, waiting, failure = done.stderr.splitlines()
    assert waiting.startswith("nobody is at mqtt://127.0.0.1:1 yet, waiting for up to 3 s: ")
    assert failure == "vigil: cannot reach the broker at mqtt://127.0.0.1:1: Connection refused"


def test_a_load_without_a_broker_is_said_so(roster: Path) -> None:
    done = run("load", "--broker", "127.0.0.1:1", "--devices", roster, "--drain-s", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "simulators.load: cannot reach the broker at mqtt://127.0.0.1:1: " in done.stderr


def test_who_is_refused_by_the_broker_is_told_why(broker: Mosquitto, tmp_path: Path) -> None:
    path, roster = tmp_path / "alone.yaml", tmp_path / "roster.json"
    path.write_text(
        "name: x\ndevices: [{as: a, id: dev_0, secret: wrong}]\nsteps: [{at: 0s, do: fix, device: a}]"
    )
    roster.write_text('[{"id": "dev_0", "secret": "wrong"}]')
    address = f"127.0.0.1:{broker.port}"
    done = run("run", path, "--broker", address, "--connect-s", "1")
    assert done.returncode == 1
    failure = done.stderr.splitlines()[-1]
    assert failure.startswith(f"vigil: a (dev_0) could not connect: mqtt://{address}: ")
    assert "not authorized" in failure.lower()
    done = run("load", "--broker", address, "--devices", roster, "--drain-s", "1")
    assert (done.returncode, "not authorized" in done.stderr.lower()) == (1, True)


def test_commands_from_a_device_are_expected_without_an_api(broker: Mosquitto, tmp_path: Path) -> None:
    """And an expectation that fails makes the run fail, with its reason in the report."""
    path, report = tmp_path / "alone.yaml", tmp_path / "report.xml"
    path.write_text(
        "name: nobody answers\n"
        "devices: [{as: a, id: dev_0, secret: secret-0}]\n"
        "steps:\n"
        "  - at: 300s\n"
        "    do: panic\n"
        "    device: a\n"
        "    expect: [{down: alarm_received, device: a, within: 300ms}]\n"
    )
    done = run("run", path, "--broker", f"127.0.0.1:{broker.port}", "--speed", "1000", "--junit", report)
    assert done.returncode == 1
    assert "0 of 1 expectations held" in done.stderr
    [failure] = ElementTree.parse(report).iter("failure")  # noqa: S314 - our own text
    assert failure.get("message") == "there were 0 instead of at least 1 within 300ms"


def test_what_was_found_before_it_was_stopped_is_reported(broker: Mosquitto, tmp_path: Path) -> None:
    path, report = tmp_path / "alone.yaml", tmp_path / "report.xml"
    path.write_text(
        "name: nobody answers\n"
        "devices: [{as: a, id: dev_0, secret: secret-0}]\n"
        "steps:\n"
        "  - {at: 0s, do: panic, device: a, expect: {down: alarm_received, within: 300ms}}\n"
        "  - {at: 0s, device: a, expect: {down: locate, within: 300ms, exactly: 0}}\n"
        "  - {at: 0s, device: a, expect: {down: message, within: 1h}}\n"
        "  - {at: 1h, do: fix, device: a}\n"
    )
    command = simulator("run", path, "--broker", f"127.0.0.1:{broker.port}", "--junit", report)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        settled: set[str] = set()
        while len(settled) < 2 and (line := process.stderr.readline()):
            settled |= {word for word in ("held after", "FAILED") if word in line}
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 1
        assert process.stderr.read().endswith("vigil: stopped before its end\n")
    cases = ElementTree.parse(report).iter("testcase")  # noqa: S314 - our own text
    assert [(case.get("name"), case.find("failure") is None) for case in cases] == [
        ("down alarm_received at a within 300ms", False),
        ("down locate at a within 300ms, exactly 0", True),
        ("it can be played to its end", False),
    ]
