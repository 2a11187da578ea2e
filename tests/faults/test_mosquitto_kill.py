"""`kill -9` of Vigil alone, with a Mosquitto outside: nothing that Mosquitto accepted is missing."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from devices.clock import SystemClock
from tests.support.brokers import Mosquitto, mosquitto
from tests.support.faults_fleet import enroll
from tests.support.faults_rounds import Rounds
from tests.support.service import Service

pytestmark = pytest.mark.integration

DEVICES = 20


def configure(service: Service, broker: Mosquitto) -> None:
    """Have `service` use `broker` in place of its own."""
    address = broker.address()
    login = f"{quote(address.username or '')}:{quote(address.password or '')}"
    (service.data_dir / "vigil.toml").write_text(
        f'broker_url = "mqtt://{login}@{address.host}:{address.port}"\n'
    )


async def kill_again_and_again(
    service: Service, directory: Path, rounds: int, seed: int, tell: Callable[[str], None]
) -> None:
    clock = SystemClock()
    logins = enroll(service.data_dir, DEVICES, clock)
    with mosquitto(directory, {login.id: login.secret for login in logins}) as broker:
        configure(service, broker)
        play = Rounds(service, logins, clock, seed)
        found = await play.run(rounds)
    tell(play.report())
    assert found == []
    assert play.refusals == []
    assert play.closed_alerts


async def test_killed_three_times(
    own_service: Service, tmp_path: Path, tell: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that the service's loop notices what another thread touches.
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    await kill_again_and_again(own_service, tmp_path, 3, 8, tell)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_killed_at_random_moments(
    own_service: Service, tmp_path: Path, rounds: int, seed: int, tell: Callable[[str], None]
) -> None:
    await kill_again_and_again(own_service, tmp_path, rounds, seed, tell)
