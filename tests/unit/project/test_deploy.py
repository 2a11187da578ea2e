"""What is in deploy/ names commands, options and settings that there are."""

import configparser
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml

from safety.cli.main import COMMANDS, app
from safety.config import Settings
from tests.support.documents import ROOT, read
from tests.support.waiting import wait_until

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
COMPOSE: Any = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
ROOT_COMMAND: Any = typer.main.get_command(app)
SETTINGS = {f"VIGIL_{name.upper()}" for name in Settings.model_fields} | {"VIGIL_DATA_DIR"}


def understands(words: list[str]) -> None:
    """Follow a command line down to its options; each must be there."""
    command, words = ROOT_COMMAND, list(words)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    options = {name for parameter in command.params for name in parameter.opts}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in options, f"{command.name} {word}"


def test_what_is_worth_watching_is_there_to_be_seen() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8")
        for room in ("ingest", "safety")
        for path in (ROOT / room).rglob("*.py")
    )
    watched = re.findall(
        r"^\| (.+?) \|", read("docs/operations.md").partition("## What to watch")[2], re.MULTILINE
    )
    names = [name for sign in watched for name in re.findall(r"`([a-z_.]+)[`{]", sign) if "_" in name]
    assert len(names) > 10
    for name in names:
        assert f'"{name.removesuffix("_total")}' in sources, name


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_what_there_is(path: Any) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    unit.read(path)
    started = re.findall(r"/opt/vigil/bin/vigil ([^'\n]+)", unit["Service"]["ExecStart"])
    assert started
    for command in started:
        words = shlex.split(command)
        assert words[0] in COMMANDS
        understands(words)
    assert set(re.findall(r"\bVIGIL_[A-Z_]+", path.read_text(encoding="utf-8"))) <= SETTINGS


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_a_service_of_the_stack_starts_what_there_is(name: str) -> None:
    service = COMPOSE["services"][name]
    if service["image"] == "vigil":
        assert set(service["environment"]) <= SETTINGS
        if "entrypoint" not in service:
            assert service["command"][0] in COMMANDS
            understands(service["command"])
    one_shot = service.get("restart") == "no"
    assert one_shot or "healthcheck" in service
    for volume in service.get("volumes", ()):
        assert volume.partition(":")[0] in COMPOSE["volumes"]
    for needed, condition in service.get("depends_on", {}).items():
        ends = COMPOSE["services"][needed].get("restart") == "no"
        expected = "service_completed_successfully" if ends else "service_healthy"
        assert condition == {"condition": expected}
    # Docker never starts a container again that ended with the one whose space it was in.
    assert not {"pid", "ipc", "network_mode"} & set(service)


def test_an_image_holds_nothing_that_git_does_not_keep() -> None:
    kept_out = [
        {line.removeprefix("**").strip("/") for line in read(name).splitlines() if line and line[0] != "#"}
        for name in (".gitignore", ".dockerignore")
    ]
    assert kept_out[0] < kept_out[1]
    assert {"deploy/.env", ".git"} <= kept_out[1]


def test_postgres_is_healthy_only_once_others_reach_it() -> None:
    test = COMPOSE["services"]["postgres"]["healthcheck"]["test"]
    assert test[test.index("-h") + 1] == "127.0.0.1"


def test_the_brokers_certificate_is_made_for_one_name() -> None:
    names = {COMPOSE["services"][name]["hostname"] for name in ("broker-init", "broker-files")}
    assert len(names) == 1


def test_phones_are_sent_to_where_the_broker_is_open() -> None:
    settings = COMPOSE["x-vigil"]["environment"]
    address = settings["VIGIL_PUBLIC_MQTT_URL"].replace(settings["VIGIL_MQTTS_NAMES"], "name")
    assert address.startswith("mqtts://name:")
    port = urlsplit(address).port
    assert f"{port}:{port}" in COMPOSE["services"]["mosquitto"]["ports"]


def test_the_brokers_container_gives_it_the_signal_that_is_asked_for(tmp_path: Path) -> None:
    stub = tmp_path / "mosquitto"
    stub.write_text(
        f"#!{sys.executable}\nimport pathlib, signal\n"
        "signal.signal(signal.SIGHUP, lambda *_: pathlib.Path('told').touch())\n"
        "pathlib.Path('ready').touch()\nwhile True: signal.pause()\n"
    )
    stub.chmod(0o700)
    command = [
        word.replace("$$", "$").replace("/etc/mosquitto/vigil", str(tmp_path))
        for word in COMPOSE["services"]["mosquitto"]["command"]
    ]
    path = f"{tmp_path}:/usr/bin:/bin"
    broker = subprocess.Popen(command, cwd=tmp_path, env={"PATH": path}, start_new_session=True)
    try:
        wait_until((tmp_path / "ready").exists, timeout_s=60, what="the broker runs")
        (asked,) = (
            tmp_path / Path(word.partition("=")[2]).name
            for word in COMPOSE["services"]["broker-files"]["command"]
            if word.startswith("--reload-file=")
        )
        asked.touch()
        wait_until((tmp_path / "told").exists, timeout_s=60, what="the broker is told")
        assert not asked.exists()
        assert broker.poll() is None
    finally:
        os.killpg(broker.pid, signal.SIGKILL)
        broker.wait(timeout=60)
