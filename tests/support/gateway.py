"""A gateway with everything around it in memory: registry, log, mailbox; asked without a network."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from devices.clock import ManualClock
from devices.codecs.dialects import DIALECTS
from devices.registry.memory import MemoryDeviceRegistry
from devices.registry.port import Device
from ingest.admission import Admission
from ingest.gateway.logins import TokenHolder
from ingest.gateway.mailbox import MemoryMailbox
from ingest.gateway.routes import Gateway
from ingest.lanes import ALARMS, DEAD_LETTERS, TELEMETRY
from ingest.log.memory import MemoryEventLog
from ingest.log.port import BEGINNING
from ingest.metrics import IngestMetrics
from ingest.records import Arrival, DeadLetter

SECRET = "0123456789abcdef"
PHONE = Device(id="dev_a", kind="phone", org="org_a", nurse="nur_a")
APP = Device(id="dev_app", kind="phone", org="org_a", nurse="nur_b", codec="owntracks")
CLIENT = Device(id="dev_client", kind="phone", org="org_a", nurse="nur_c", codec="osmand")
LOST = Device(id="dev_lost", kind="phone", org="org_a", nurse="nur_a", revoked=True)


def gateway(codec: str, org: str = "org_a") -> Device:
    """What brings many devices of `org`; its id is made of both."""
    return Device(id=f"gtw_{codec}_{org}", kind="gateway", org=org, nurse=None, codec=codec)


def brought(codec: str, external_id: str, org: str = "org_a") -> Device:
    """A button that a gateway calls `external_id`."""
    id = f"dev_{codec}_{external_id}".lower()
    return Device(id=id, kind="button", org=org, nurse=f"nur_{id}", codec=codec, external_id=external_id)


class Tokens(dict[str, TokenHolder]):
    """The API tokens of people: a dict."""

    def find(self, token: str) -> TokenHolder | None:
        """Return who holds it."""
        return self.get(token)


class Door:
    """The gateway, and what came through it."""

    def __init__(self, *more: Device) -> None:
        self.clock = ManualClock()
        self.log = MemoryEventLog(self.clock)
        self.registry = MemoryDeviceRegistry()
        for device in (PHONE, APP, CLIENT, LOST, *more):
            self.registry.add(device, SECRET)
        self.mailbox = MemoryMailbox()
        self.prometheus = CollectorRegistry()
        admission = Admission(self.registry, DIALECTS, self.log, self.clock, IngestMetrics(self.prometheus))
        self.tokens = Tokens()
        self.gateway = Gateway(
            admission, self.registry, self.mailbox, self.clock, self.prometheus, self.tokens
        )
        self.app = FastAPI()
        self.app.include_router(self.gateway.router)

    @asynccontextmanager
    async def client(self, address: str = "198.51.100.7") -> AsyncIterator[httpx.AsyncClient]:
        """Somebody at `address`."""
        transport = httpx.ASGITransport(self.app, client=(address, 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://vigil") as client:
            yield client

    async def arrivals(self, topic: str = TELEMETRY) -> list[Arrival]:
        """What is in the log."""
        entries = await self.log.read(topic, 0, BEGINNING, 10_000)
        return [msgspec.msgpack.decode(entry.value, type=Arrival) for entry in entries]

    async def alarms(self) -> list[Arrival]:
        """What is in the alarms' lane."""
        return await self.arrivals(ALARMS)

    async def letters(self) -> list[DeadLetter]:
        """What is in the dead letters."""
        entries = await self.log.read(DEAD_LETTERS, 0, BEGINNING, 10_000)
        return [msgspec.msgpack.decode(entry.value, type=DeadLetter) for entry in entries]

    def counted(self, gateway: str, outcome: str) -> float:
        """How many requests ended so."""
        labels = {"gateway": gateway, "outcome": outcome}
        return self.prometheus.get_sample_value("vigil_gateway_requests_total", labels) or 0.0


def basic(name: str = PHONE.id, secret: str = SECRET) -> dict[str, str]:
    """The header of a device's login."""
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"}


def bearer(token: str) -> dict[str, str]:
    """The header of a gateway's login, or of an API token."""
    return {"Authorization": f"Bearer {token}"}


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of `answer`."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    return document
