"""The testbed of the pytest plugin: a running Vigil as an app team sees it, and devices registered in it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any, Protocol

import httpx
import msgspec

from devices.clock import Clock, SystemClock
from devices.rfc3339 import rfc3339
from simulators.address import Broker
from simulators.errors import SimulatorError
from simulators.external_ids import external_id
from simulators.own_service import own_service
from simulators.roster import Kind
from simulators.speech import BROUGHT, Codec

Alert = dict[str, Any]

_LOOK_EVERY_S = 0.05
_EFFECT_S = 2.0
"""So soon at the latest the service goes by a visit that was planned."""


class NotInTime(AssertionError):
    """What was waited for did not come."""


class RegisteredDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device that was registered for a test: what your app needs to log in, and what came of it.

    `external_id` and `gateway` (its `id` and `secret`) are there where a gateway brings what it says.
    """

    id: str
    secret: str
    kind: str
    codec: str
    nurse: str
    visit: str | None
    external_id: str | None
    gateway: dict[str, str] | None
    service: "VigilService"

    def alerts(self, kind: str | None = None) -> list[Alert]:
        """Return the alerts that this device caused, newest first."""
        found = self.service.get("/alerts", kind=kind, nurse=self.nurse)
        return [alert for alert in found["items"] if alert["device"] == self.id]

    def await_alert(self, kind: str = "panic", *, within_s: float = 5.0) -> Alert:
        """Wait for an alert of `kind` and return it, as `GET /api/v1/alerts/{id}` shows it.

        Raises:
            NotInTime: there was none within `within_s`.
        """
        found = self.service.wait_for(lambda: self.alerts(kind), within_s, f"a {kind} alert of {self.id}")
        alert: Alert = self.service.get(f"/alerts/{found[0]['id']}")
        return alert

    def await_fix(self, *, within_s: float = 5.0) -> dict[str, Any]:
        """Wait until Vigil knows where the nurse is, and return that.

        Raises:
            NotInTime: it did not know within `within_s`.
        """

        def seen() -> list[dict[str, Any]]:
            items = self.service.get("/positions")["items"]
            return [item for item in items if item["nurse"] == self.nurse and item["device"] == self.id]

        return self.service.wait_for(seen, within_s, f"a position of {self.id}")[0]

    def dead_letters(self) -> list[dict[str, Any]]:
        """Return what this device said that could not be read, newest first."""
        items: list[dict[str, Any]] = self.service.get("/dead-letters", device=self.id)["items"]
        return items


class DeviceMaker(Protocol):
    """Registers a device with a nurse of its own."""

    def __call__(
        self, kind: Kind = "phone", codec: Codec = "native", *, visit: dict[str, Any] | None = None
    ) -> RegisteredDevice:
        """`visit` (`lat`, `lon`, `radius_m`, `limits` …) is planned for the next hour, if there is one."""


class VigilService:
    """A running Vigil, as seen by a supervisor: its addresses, and its API."""

    def __init__(self, api_url: str, broker_url: str, token: str, clock: Clock) -> None:
        self.api_url = api_url.rstrip("/")
        self.broker_url = broker_url
        self.mqtt = Broker.parse(broker_url)
        self.token = token
        self._clock = clock
        self._made = 0
        self._gateways: dict[str, dict[str, str]] = {}
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(
            base_url=f"{self.api_url}/api/v1", headers=headers, timeout=10.0, trust_env=False
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def get(self, path: str, **query: str | int | None) -> Any:
        """Return what `GET /api/v1…` answers; None in `query` is left out."""
        params = {key: value for key, value in query.items() if value is not None}
        return self._ask("GET", path, params=params)

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """Return what `POST /api/v1…` answers."""
        return self._ask("POST", path, json=body)

    def act(self, alert: Alert, act: str, **body: object) -> Alert:
        """Do what a dispatcher does: `acknowledge`, `dispatch`, `resolve` (with a `reason`) …"""
        newest = self.get(f"/alerts/{alert['id']}")
        return self.post(f"/alerts/{alert['id']}/{act}", version=newest["version"], **body)

    def device(
        self, kind: Kind = "phone", codec: Codec = "native", *, visit: dict[str, Any] | None = None
    ) -> RegisteredDevice:
        """Register a device with a nurse of its own, and her visit if one is given: a `DeviceMaker`."""
        self._made += 1
        now_ms = self._clock.now_ms()
        nurse = self.post("/nurses", name=f"Nurse {self._made} of a test")["id"]
        planned = None
        if visit is not None:
            # Some dialects tell whole seconds: what is said at once must not lie before the visit.
            hours = {"starts_at": rfc3339(now_ms - 60_000), "ends_at": rfc3339(now_ms + 3_600_000)}
            planned = self.post("/visits", **{"nurse": nurse, **hours, **visit})["id"]
        called = external_id(codec, now_ms, self._made) if codec in BROUGHT else None
        made = self.post("/devices", kind=kind, nurse=nurse, codec=codec, external_id=called)
        if planned is not None:
            Event().wait(_EFFECT_S)
        return RegisteredDevice(
            id=made["id"],
            secret=made["secret"],
            kind=kind,
            codec=codec,
            nurse=nurse,
            visit=planned,
            external_id=called,
            gateway=self._gateway(codec) if codec in BROUGHT else None,
            service=self,
        )

    def _gateway(self, codec: str) -> dict[str, str]:
        if codec not in self._gateways:
            made = self.post("/gateways", codec=codec, name=f"{codec} of tests")
            self._gateways[codec] = {"id": made["id"], "secret": made["secret"]}
        return self._gateways[codec]

    def wait_for(self, look: Callable[[], list[Alert]], within_s: float, what: str) -> list[Alert]:
        """Look until there is something, and return it.

        Raises:
            NotInTime: there was nothing within `within_s`.
        """
        deadline_s = self._clock.monotonic_s() + within_s
        while True:
            found = look()
            if found:
                return found
            if self._clock.monotonic_s() >= deadline_s:
                raise NotInTime(f"{what} did not come within {within_s:g} s")
            Event().wait(_LOOK_EVERY_S)

    def _ask(self, method: str, path: str, **said: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **said)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise SimulatorError(f"cannot reach Vigil at {self.api_url}: {why}") from error
        if answer.is_error:
            asked = f"{answer.request.method} {answer.request.url.path}"
            raise SimulatorError(f"{asked}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found


@contextlib.contextmanager
def running_service(api_url: str, broker_url: str, token: str) -> Iterator[VigilService]:
    """Use the Vigil that runs at these addresses."""
    service = VigilService(api_url, broker_url, token, SystemClock())
    try:
        yield service
    finally:
        service.close()


@contextlib.contextmanager
def started_service(data_dir: Path) -> Iterator[VigilService]:
    """Start a Vigil in `data_dir`, and stop it in the end."""
    with own_service(data_dir, SystemClock()) as own, running_service(*own) as service:
        yield service
