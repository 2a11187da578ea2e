"""Who plays in the page's tests: people and devices made with the command line, as an operator would."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple, Protocol

import httpx
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.waiting import PATIENCE_S, wait_until

PASSWORD = "correct horse battery staple"


class Service(Protocol):
    """What these tests need of the running service."""

    base_url: str
    mqtt_port: int

    def cli(self, *args: str, stdin: str | None = None) -> str:
        """Run `vigil ARGS` on the service's data directory and return its stdout."""


class Device:
    """A nurse's phone: logs in to the broker and presses the button."""

    def __init__(self, mqtt_port: int, id: str, secret: str) -> None:
        self.id = id
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=id)
        self._client.username_pw_set(id, secret)
        self._seq = 0
        # A new device is known to the broker within two seconds; before that its login is refused.
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.connect("127.0.0.1", mqtt_port)
        self._client.loop_start()
        wait_until(self._client.is_connected, what="the device's login")

    def alarm(self, kind: str = "panic", **fields: object) -> float:
        """Publish an alarm; return the monotonic time (s) just before."""
        return self.publish("alarm", {"kind": kind, **fields})

    def publish(self, channel: str, payload: dict[str, object]) -> float:
        """Publish on one of the device's topics, wait for the broker; return the time (s) just before."""
        self._seq += 1
        body = json.dumps({"seq": self._seq, "time": time.time_ns() // 1_000_000, **payload})
        before_s = time.monotonic()
        self._client.publish(f"vigil/v1/{self.id}/{channel}", body, qos=1).wait_for_publish(PATIENCE_S)
        return before_s

    def close(self) -> None:
        """Log out of the broker."""
        self._client.disconnect()
        self._client.loop_stop()


class Nurse(NamedTuple):
    """A nurse, and what she carries."""

    id: str
    name: str
    device: Device


class Colleague:
    """Another dispatcher, who works through the API."""

    def __init__(self, base_url: str, login: str) -> None:
        self.login = login
        self._http = httpx.Client(base_url=f"{base_url}/api/v1", timeout=PATIENCE_S, trust_env=False)
        token = self._http.post("/session", json={"username": login, "password": PASSWORD}).json()["token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        # The bearer token alone: a cookie beside it would make it a page's request.
        self._http.cookies.clear()

    def alerts_of(self, nurse: Nurse) -> list[dict[str, Any]]:
        """The nurse's alerts, newest first."""
        items: list[dict[str, Any]] = self._http.get("/alerts", params={"nurse": nurse.id}).json()["items"]
        return items

    def act(self, alert: str, action: str, **body: object) -> None:
        """Do something to an alert at its present version."""
        version = self._http.get(f"/alerts/{alert}").json()["version"]
        self._http.post(f"/alerts/{alert}/{action}", json={"version": version, **body}).raise_for_status()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class House:
    """One organisation with its people, made once for a module of tests."""

    def __init__(self, service: Service, name: str) -> None:
        self._service = service
        self.org = self._add("org", "add", "--name", name)
        self._mark = self.org.rpartition("_")[2][-6:]
        self.dispatcher = self.user("dispatcher", "zhao")
        self.auditor = self.user("auditor", "audit")
        self._closing: list[Device | Colleague] = []

    def _add(self, *args: str, stdin: str | None = None) -> str:
        return self._service.cli(*args, stdin=stdin).strip().splitlines()[-1]

    def user(self, role: str, stem: str) -> str:
        """Make a user with PASSWORD; return the login."""
        login = f"{stem}-{self._mark}"
        self._add(
            *("user", "add", "--org", self.org, "--login", login, "--role", role, "--password-stdin"),
            stdin=PASSWORD + "\n",
        )
        return login

    def nurse(self, name: str) -> Nurse:
        """Make a nurse with a phone that is logged in to the broker."""
        nurse = self._add("nurse", "add", "--org", self.org, "--name", name, "--phone", "+8613816624217")
        made = json.loads(self._service.cli("device", "add", "--kind", "phone", "--nurse", nurse, "--json"))
        device = Device(self._service.mqtt_port, made["id"], made["secret"])
        self._closing.append(device)
        return Nurse(nurse, name, device)

    def responder(self, name: str) -> str:
        """Make somebody who can be sent; return the id."""
        return self._add(
            "responder", "add", "--org", self.org, "--name", name, "--lat", "31.22", "--lon", "121.47"
        )

    def colleague(self) -> Colleague:
        """Make another dispatcher, logged in."""
        login = self.user("dispatcher", f"wang{len(self._closing)}")
        colleague = Colleague(self._service.base_url, login)
        self._closing.append(colleague)
        return colleague

    def close(self) -> None:
        """Log everybody out."""
        for one in self._closing:
            one.close()
