"""The README's lines, as they stand there, against a running service."""

import os
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support.documents import blocks, code, read
from tests.support.requires import require
from tests.support.service import Service
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.integration

# The phone listens; the alarm is said until it is answered, as a device says it. Other commands may have come
# up for it before it listened. Told to end by TERM, mosquitto_sub may wait for a lock that it holds itself.
PLAY = """
set -euo pipefail
{prepare}
stdbuf -oL {listen} > heard.json & listener=$!
until grep -q alarm_received heard.json; do {press}; done
kill -KILL $listener
echo "phone $phone $secret"
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
        timeout=4 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    heard = (tmp_path / "heard.json").read_text()
    assert '"alarm_received"' in heard
    assert "commands" in posted(service, done.stdout)
    password = next(line.rpartition(" ")[2] for line in done.stdout.splitlines() if "password" in line)
    with closing(service.client("riverside", password)) as client:
        (alert,) = client.get("/api/v1/alerts").json()["items"]
    assert (alert["kind"], alert["nurse_name"]) == ("panic", "Anna")
    assert alert["position"]["source"] == "alarm"
    assert alert["id"] in heard


def posted(service: Service, said: str) -> dict[str, object]:
    """What the line with curl is answered; said with httpx, which is here anyway."""
    (line,) = (word for word in code(read("README.md")) if word.startswith("curl"))
    _curl, _u, _login, _d, body, url = shlex.split(line)
    (login,) = (line.split()[1:] for line in said.splitlines() if line.startswith("phone "))
    url = url.replace("127.0.0.1:8000", f"127.0.0.1:{service.http_port}")
    answer = httpx.post(url, content=body, auth=(login[0], login[1]), timeout=PATIENCE_S, trust_env=False)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found
