"""Service: a real `vigil up` on free ports and a data directory of its own, as its users run it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.support.waiting import PATIENCE_S, wait_until

_VIGIL = [str(Path(sys.executable).with_name("vigil"))]


class Service:
    """`vigil up` in a process group of its own; ports are free ones and stay the same over restarts."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.http_port = 0
        self.mqtt_port = 0
        self.mqtts_port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *options: str) -> None:
        """Start it and wait until it says `ready`."""
        ports = ["--http-port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)]
        command = [*_VIGIL, "up", "--data-dir", str(self.data_dir), *ports, *options]
        errors = (self.data_dir.parent / f"{self.data_dir.name}.log").open("a")
        with errors:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
            )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = line.split()
            if said[:1] == ["mqtt"]:
                self.mqtt_port = int(said[1].rsplit(":", 1)[1])
            if said[:1] == ["mqtts"]:
                self.mqtts_port = int(said[1].rsplit(":", 1)[1])
            if said[:1] == ["http"]:
                self.http_port = int(said[1].rsplit(":", 1)[1])
            if said == ["ready"]:
                return
        raise AssertionError(f"vigil up ended with {self._process.wait()}: {self.errors()[-2000:]}")

    def errors(self) -> str:
        """What it wrote to its standard error."""
        return (self.data_dir.parent / f"{self.data_dir.name}.log").read_text()

    def stop(self) -> int:
        """Stop it with SIGTERM and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(PATIENCE_S)
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill -9 its whole process tree."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def cli(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a `vigil` command on its data and return what it printed."""
        done = subprocess.run(
            [*_VIGIL, *arguments, "--data-dir", str(self.data_dir)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"vigil {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def add(self, *arguments: str) -> str:
        """Run an `add` command and return the new id."""
        return self.cli(*arguments).strip().splitlines()[-1]

    def add_device(self, nurse: str, kind: str = "phone") -> dict[str, Any]:
        """Register a device of `nurse`; return its id and secret."""
        device: dict[str, Any] = json.loads(
            self.cli("device", "add", "--kind", kind, "--nurse", nurse, "--json")
        )
        return device

    def add_user(self, org: str, login: str, role: str = "dispatcher") -> str:
        """Add a user of `org` and return the password."""
        password = f"correct-horse-{login}"
        command = ("user", "add", "--org", org, "--login", login, "--role", role, "--password-stdin")
        self.cli(*command, stdin=password + "\n")
        return password

    def client(self, login: str, password: str) -> httpx.Client:
        """Return an HTTP client that is logged in."""
        client = httpx.Client(base_url=self.base_url, timeout=PATIENCE_S, trust_env=False)
        answer = client.post("/api/v1/session", json={"username": login, "password": password})
        assert answer.status_code == 200, answer.text
        client.cookies.clear()
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return client


class Household:
    """An organisation with one dispatcher, one nurse and her phone, in a running service."""

    def __init__(self, service: Service, name: str) -> None:
        self.service = service
        self.org = service.add("org", "add", "--name", name)
        self.nurse = service.add("nurse", "add", "--org", self.org, "--name", f"Nurse of {name}")
        self.phone = service.add_device(self.nurse)
        self.login = f"dispatcher-{self.org[-6:]}"
        self.password = service.add_user(self.org, self.login)
        self.http = service.client(self.login, self.password)

    def close(self) -> None:
        """Close the dispatcher's client."""
        self.http.close()

    def alerts(self, **filters: str) -> list[dict[str, Any]]:
        """The organisation's alerts, newest first."""
        answer = self.http.get("/api/v1/alerts", params=filters)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def await_alert(self, **filters: str) -> dict[str, Any]:
        """Wait for an alert and return it."""
        return wait_until(lambda: self.alerts(**filters), what=f"an alert with {filters}")[0]
