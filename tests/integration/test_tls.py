"""The embedded broker behind TLS: who proves what by a certificate, and how long that holds."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from devices.clock import SystemClock
from ingest.address import BrokerAddress, MqttVersion
from ingest.broker import packets
from ingest.broker.server import EmbeddedBroker, TlsListener
from ingest.broker.tls import TlsFiles, TlsUnusable
from ingest.errors import AuthorityUnusable
from ingest.subscriber import TELEMETRY_LANE, Subscriber
from tests.support.authority import TestAuthority
from tests.support.brokers import Embedded, embedded_broker
from tests.support.ingesting import ingesting
from tests.support.raw_mqtt import RawClient, connect, publish, subscribe
from tests.support.recording import RecordingAdmission
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

DAY_MS = 86_400_000


class Site(NamedTuple):
    """A broker behind TLS with devices dev_a and dev_b, and the authority that it trusts."""

    broker: Embedded
    authority: TestAuthority

    def client(self, certificate: Path | None = None) -> RawClient:
        return RawClient(self.broker.tls_port, tls=self.authority.client(certificate))

    def log_in(self, certificate: Path, username: bytes | None = None) -> int:
        """Show `certificate` and return the CONNACK's code."""
        with self.client(certificate) as client:
            client.send(connect(b"raw", username))
            return client.expect(packets.CONNACK).body[1]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    authority = TestAuthority(tmp_path / "tls")
    async with embedded_broker(tmp_path, "dev_a", "dev_b", tls=authority.server()) as broker:
        yield Site(broker, authority)


async def test_a_certificate_is_as_good_as_a_secret_and_gives_no_more(site: Site) -> None:
    def use() -> list[int]:
        with site.client() as client:
            assert client.log_in("dev_a", site.broker.secrets["dev_a"]) == packets.ACCEPTED
        with site.client(site.authority.device("dev_a")) as client:
            client.send(connect(b"raw"))
            assert client.expect(packets.CONNACK).body[1] == packets.ACCEPTED
            codes = []
            for number, wanted in enumerate((b"vigil/v1/dev_a/down", b"vigil/v1/dev_b/down", b"#"), 1):
                client.send(subscribe(wanted, number))
                codes.append(client.expect(packets.SUBACK).body[2])
            return codes

    assert await asyncio.to_thread(use) == [1, 0x80, 0x80]


async def test_a_certificate_speaks_for_its_own_device_only(site: Site) -> None:
    mine = site.authority.device("dev_a")
    unknown = site.authority.device("dev_x")
    assert await asyncio.to_thread(site.log_in, mine, b"dev_a") == packets.ACCEPTED
    assert await asyncio.to_thread(site.log_in, mine, b"dev_b") == packets.NOT_AUTHORIZED
    assert await asyncio.to_thread(site.log_in, mine, b"$ingest") == packets.NOT_AUTHORIZED
    assert await asyncio.to_thread(site.log_in, unknown) == packets.NOT_AUTHORIZED


async def test_what_another_authority_signed_proves_nothing(site: Site, tmp_path: Path) -> None:
    stranger = TestAuthority(tmp_path / "stranger")
    of_a_stranger = stranger.device("dev_a")
    long_over = site.authority.device("dev_b", issued_ms=SystemClock().now_ms() - 3 * DAY_MS)
    of_the_server = tmp_path / "both.pem"
    files = site.authority.server()
    of_the_server.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())

    def refused(certificate: Path) -> bool:
        try:
            return site.log_in(certificate) != packets.ACCEPTED
        except (ssl.SSLError, ConnectionError, AssertionError):
            return True

    for certificate in (of_a_stranger, long_over, of_the_server):
        assert await asyncio.to_thread(refused, certificate), certificate
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(RawClient, site.broker.tls_port, tls=stranger.client())

    def knock() -> None:
        with RawClient(site.broker.tls_port) as client:
            client.send(b"\x10\x0c no TLS at all")
            assert client.ended()

    for _ in range(5):
        await asyncio.to_thread(knock)
    assert await asyncio.to_thread(site.log_in, site.authority.device("dev_a")) == packets.ACCEPTED


async def test_a_new_secret_ends_what_was_certified_before(site: Site) -> None:
    before = site.authority.device("dev_a", issued_ms=SystemClock().now_ms() - 2000)

    def lose() -> None:
        with site.client(before) as client:
            client.send(connect(b"raw"))
            assert client.expect(packets.CONNACK).body[1] == packets.ACCEPTED
            site.broker.rotate("dev_a")
            assert client.ended()

    await asyncio.to_thread(lose)
    assert await asyncio.to_thread(site.log_in, before) == packets.NOT_AUTHORIZED
    after = site.authority.device("dev_a")
    assert await asyncio.to_thread(site.log_in, after) == packets.ACCEPTED


async def test_a_renewed_certificate_is_shown_and_no_connection_lost(site: Site) -> None:
    def serial() -> object:
        with site.client() as client:
            return client.shown()["serialNumber"]

    mine = site.authority.device("dev_a")

    def stay() -> None:
        with site.client(mine) as client:
            client.send(connect(b"raw"))
            client.expect(packets.CONNACK)
            before = serial()
            site.authority.server()
            wait_until(lambda: serial() != before, what="the new certificate")
            client.send(publish(b"vigil/v1/dev_a/location", b"x", qos=0) + bytes((0xC0, 0)))
            client.expect(packets.PINGRESP)

    await asyncio.to_thread(stay)


async def test_ingest_trusts_the_authority_that_it_is_told(site: Site) -> None:
    own = site.broker.address
    url = f"mqtts://{own.username}:{own.password}@localhost:{site.broker.tls_port}"
    address = BrokerAddress.parse(url, site.authority.file)
    address = msgspec.structs.replace(address, version=MqttVersion.V311)
    async with ingesting(Subscriber(address, TELEMETRY_LANE, RecordingAdmission(), SystemClock())):
        pass
    with pytest.raises(AuthorityUnusable, match="none"):
        BrokerAddress.parse(url, site.authority.file.with_name("none"))


async def test_files_that_cannot_be_used_stop_the_start(tmp_path: Path) -> None:
    broken = tmp_path / "server.pem"
    broken.write_text("no certificate")
    for files in (TlsFiles(broken, broken), TlsFiles(tmp_path / "none", tmp_path / "none")):
        listener = TlsListener("127.0.0.1", 0, files)
        with pytest.raises(TlsUnusable, match="cannot be"):
            await EmbeddedBroker("127.0.0.1", 0, "sqlite://", SystemClock(), listener).start()
