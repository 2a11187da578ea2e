"""`kill -9` of the whole service at any moment under load: nothing acknowledged is lost, no alarm twice."""

from collections.abc import Callable, Sequence

import pytest

from devices.clock import SystemClock
from tests.support.faults_fleet import enroll
from tests.support.faults_rounds import PARTS, WHOLE, Moment, Rounds
from tests.support.service import Service

pytestmark = pytest.mark.integration

DEVICES = 20


async def kill_again_and_again(
    service: Service,
    rounds: int,
    seed: int,
    tell: Callable[[str], None],
    moments: Sequence[Moment] = WHOLE,
) -> None:
    clock = SystemClock()
    play = Rounds(service, enroll(service.data_dir, DEVICES, clock), clock, seed)
    found = await play.run(rounds, moments)
    tell(play.report())
    assert found == []
    assert play.refusals == []
    assert play.closed_alerts


async def test_killed_three_times(own_service: Service, tell: Callable[[str], None]) -> None:
    await kill_again_and_again(own_service, 3, 7, tell)


async def test_each_process_of_it_killed_alone(own_service: Service, tell: Callable[[str], None]) -> None:
    await kill_again_and_again(own_service, len(PARTS), 9, tell, PARTS)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_killed_at_random_moments(
    own_service: Service, rounds: int, seed: int, tell: Callable[[str], None]
) -> None:
    await kill_again_and_again(own_service, rounds, seed, tell)
