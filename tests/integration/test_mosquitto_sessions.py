"""What Mosquitto, as it is shipped, keeps for ingest while that is away, whatever becomes of itself then."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devices.clock import SystemClock
from ingest.broker import packets
from ingest.subscriber import ALARM_LANE, Subscriber
from tests.support.authority import TestAuthority
from tests.support.ingesting import ingesting
from tests.support.mosquitto_site import MosquittoSite, mosquitto_site
from tests.support.raw_mqtt import RawClient, publish
from tests.support.recording import RecordingAdmission
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


@contextmanager
def phone(site: MosquittoSite, device: str, secret: str) -> Iterator[RawClient]:
    authority = TestAuthority(site.directory / "issued", site.trust.authority())
    with RawClient(site.secret_port, tls=authority.client()) as client:
        assert client.log_in(device, secret, device) == packets.ACCEPTED
        yield client


async def read_by(site: MosquittoSite, admission: RecordingAdmission, wanted: list[bytes]) -> None:
    """Read as ingest does until `wanted` is admitted, then go away in order."""
    async with ingesting(Subscriber(site.address, ALARM_LANE, admission, SystemClock())):
        await eventually(lambda: admission.payloads == wanted, what=f"{wanted}")


@pytest.mark.parametrize("happens", ["reads its files", "stops"])
async def test_what_comes_while_ingest_is_away_is_there_when_it_is_back(happens: str, tmp_path: Path) -> None:
    with mosquitto_site(tmp_path) as site:
        device, secret = site.add()
        await site.sync(watching=False).once()
        site.broker.start()
        admission = RecordingAdmission()
        await read_by(site, admission, [])

        def say(what: bytes) -> None:
            with phone(site, device.id, secret) as client:
                client.send(publish(f"vigil/v1/{device.id}/alarm".encode(), what, 1))
                client.expect(packets.PUBACK)

        await asyncio.to_thread(say, b"before")
        if happens == "stops":
            site.broker.stop()
            site.broker.start()
        else:
            site.add()
            assert "passwords" in (await site.sync().once()).written
        await asyncio.to_thread(say, b"after")
        await read_by(site, admission, [b"before", b"after"])
