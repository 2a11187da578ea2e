"""The README's lines, as they stand there, against a running service."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.documents import blocks, code, read
from tests.support.requires import require
from tests.support.service import Service

pytestmark = pytest.mark.integration

# The phone listens; the alarm is said until it is answered, as a device says it.
PLAY = """
set -euo pipefail
{prepare}
{listen} -C 1 -W 30 > heard.json & listener=$!
while kill -0 $listener 2> /dev/null; do {press}; done
wait $listener
"""


def test_the_lines_of_the_readme_raise_an_alert(service: Service, tmp_path: Path) -> None:
    require("mosquitto_pub")
    require("mosquitto_sub")
    prepare, press = (block.text.strip() for block in blocks("README.md") if block.language == "sh")
    (listen,) = (word for word in code(read("README.md")) if word.startswith("mosquitto_sub"))
    script = PLAY.format(prepare=prepare, listen=listen, press=press)
    assert script.count("-p 1883") == 2
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script.replace("-p 1883", f"-p {service.mqtt_port}")],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "VIGIL_DATA_DIR": str(service.data_dir)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    heard = (tmp_path / "heard.json").read_text()
    assert '"alarm_received"' in heard
    password = next(line.rpartition(" ")[2] for line in done.stdout.splitlines() if "password" in line)
    with closing(service.client("riverside", password)) as client:
        (alert,) = client.get("/api/v1/alerts").json()["items"]
    assert (alert["kind"], alert["nurse_name"]) == ("panic", "Anna")
    assert alert["position"]["source"] == "alarm"
    assert alert["id"] in heard
