"""Grounds: where attackers are let loose: the embedded broker, and a Mosquitto in step with the registry."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from devices.clock import SystemClock
from devices.registry.sql import revoke_device
from ingest.address import BrokerAddress
from ingest.broker import packets
from ingest.limits import BURST_S, Limits
from ingest.subscriber import ALARM_LANE, TELEMETRY_LANE, Subscriber
from safety.store.certificates import certify_device
from safety.store.fleet import withdraw_device
from tests.support.authority import TestAuthority
from tests.support.brokers import Embedded, embedded_broker
from tests.support.ingesting import ingesting
from tests.support.mosquitto_site import BY, MosquittoSite, mosquitto_site
from tests.support.raw_mqtt import RawClient, connect
from tests.support.recording import RecordingAdmission

LIMITS = Limits(
    messages_per_s=2, bytes_per_s=100_000, urgent_per_s=5, payload_bytes=50_000, backlog_s=BURST_S
)
"""Small enough to be exceeded in a moment; eighty messages may come at once."""


class Ground(Protocol):
    """A broker with two devices, and an ingest that reads it into `admission`."""

    admission: RecordingAdmission
    subscribers: list[Subscriber]
    address: BrokerAddress
    victim: str
    thief: str

    def secret(self, device: str) -> str:
        """Return a device's secret."""

    def client(self) -> RawClient:
        """Connect where devices log in with a secret, behind TLS."""

    def certified(self, device: str) -> RawClient:
        """Connect and log in with a certificate of `device`, issued now."""

    def again(self) -> int:
        """Log in with the last certificate once more; return the CONNACK's code, -1 if TLS ends it before."""

    def revoke(self, device: str) -> None:
        """Revoke a device."""


def counted(ground: Ground, reason: str) -> int:
    """Return how often something was refused for `reason`, as /metrics shows it."""
    return sum(one.refusals[reason] for one in ground.subscribers)


def log_in(ground: Ground, device: str, client_id: str = "raw") -> RawClient:
    """Return a logged-in connection of `device`."""
    client = ground.client()
    assert client.log_in(device, ground.secret(device), client_id) == packets.ACCEPTED
    return client


class _Certificates:
    """Shows certificates, the last one again."""

    def __init__(self, authority: TestAuthority, port: int) -> None:
        self._authority = authority
        self._port = port
        self._last: Path | None = None

    def log_in(self, file: Path) -> RawClient:
        self._last = file
        client = RawClient(self._port, tls=self._authority.client(file))
        client.send(connect(b"raw"))
        frame = client.next()
        assert frame is not None
        assert frame.body[1] == packets.ACCEPTED
        return client

    def again(self) -> int:
        assert self._last is not None
        try:
            with RawClient(self._port, tls=self._authority.client(self._last)) as client:
                client.send(connect(b"raw"))
                frame = client.next()
        except (ssl.SSLError, ConnectionError):
            return -1
        return -1 if frame is None else frame.body[1]


class EmbeddedGround:
    """The embedded broker."""

    victim, thief = "dev_a", "dev_b"

    def __init__(self, broker: Embedded, authority: TestAuthority, admission: RecordingAdmission) -> None:
        self._broker = broker
        self._authority = authority
        self._certificates = _Certificates(authority, broker.tls_port)
        self.address = broker.address
        self.admission = admission
        self.subscribers = _subscribers(broker.address, admission)
        self.again = self._certificates.again

    def secret(self, device: str) -> str:
        return self._broker.secrets[device]

    def client(self) -> RawClient:
        return RawClient(self._broker.tls_port, tls=self._authority.client())

    def certified(self, device: str) -> RawClient:
        return self._certificates.log_in(self._authority.device(device))

    def revoke(self, device: str) -> None:
        with self._broker.engine.begin() as connection:
            revoke_device(connection, device, 1)


class MosquittoGround:
    """Mosquitto, with `vigil broker sync --watch --reload --log` beside it."""

    def __init__(self, site: MosquittoSite, admission: RecordingAdmission) -> None:
        self._site = site
        self._secrets = {device.id: secret for device, secret in (site.add(), site.add())}
        self.victim, self.thief = self._secrets
        self._authority = TestAuthority(site.directory / "issued", site.trust.authority())
        self._certificates = _Certificates(self._authority, site.certificate_port)
        self.address = site.address
        self.admission = admission
        self.subscribers = _subscribers(site.address, admission)
        self.again = self._certificates.again

    def secret(self, device: str) -> str:
        return self._secrets[device]

    def client(self) -> RawClient:
        return RawClient(self._site.secret_port, tls=self._authority.client())

    def certified(self, device: str) -> RawClient:
        now_ms = SystemClock().now_ms()
        with self._site.database.writing() as connection:
            made = certify_device(
                connection, self._site.trust.authority(), device, 1, actor=BY["actor"], at_ms=now_ms
            )
        return self._certificates.log_in(self._authority.written(device, made))

    def revoke(self, device: str) -> None:
        with self._site.database.writing() as connection:
            withdraw_device(connection, device, actor=BY["actor"], at_ms=SystemClock().now_ms())


@asynccontextmanager
async def embedded_ground(directory: Path) -> AsyncIterator[Ground]:
    """Run the embedded broker."""
    authority, admission = TestAuthority(directory / "tls"), RecordingAdmission()
    async with embedded_broker(directory, "dev_a", "dev_b", tls=authority.server(), limits=LIMITS) as broker:
        ground = EmbeddedGround(broker, authority, admission)
        async with ingesting(*ground.subscribers):
            yield ground


@asynccontextmanager
async def mosquitto_ground(directory: Path) -> AsyncIterator[Ground]:
    """Run Mosquitto, in step with its registry."""
    with mosquitto_site(directory) as site:
        ground = MosquittoGround(site, RecordingAdmission())
        await site.sync(watching=False).once()
        site.broker.start()
        async with ingesting(*ground.subscribers, beside=[site.sync().watch()]):
            yield ground


def _subscribers(address: BrokerAddress, admission: RecordingAdmission) -> list[Subscriber]:
    lanes = (ALARM_LANE, TELEMETRY_LANE)
    return [Subscriber(address, lane, admission, SystemClock(), limits=LIMITS) for lane in lanes]
