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
from ingest.gateway.mailbox import MemoryMailbox
from ingest.gateway.routes import Gateway
from ingest.lanes import ALARMS, DEAD_LETTERS, TELEMETRY
from ingest.log.memory import MemoryEventLog
from ingest.log.port import BEGINNING
from ingest.metrics import IngestMetrics
from ingest.records import Arrival, DeadLetter

SECRET = "s3cret"
PHONE = Device(id="dev_a", kind="phone", org="org_a", nurse="nur_a")
LOST = Device(id="dev_lost", kind="phone", org="org_a", nurse="nur_a", revoked=True)


class Door:
    """The gateway, and what came through it."""

    def __init__(self, *more: Device) -> None:
        self.clock = ManualClock()
        self.log = MemoryEventLog(self.clock)
        self.registry = MemoryDeviceRegistry()
        for device in (PHONE, LOST, *more):
            self.registry.add(device, SECRET)
        self.mailbox = MemoryMailbox()
        self.prometheus = CollectorRegistry()
        admission = Admission(self.registry, DIALECTS, self.log, self.clock, IngestMetrics(self.prometheus))
        self.gateway = Gateway(admission, self.registry, self.mailbox, self.clock, self.prometheus)
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


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of `answer`."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    return document
