"""A disk without room under the service: nothing acknowledged is lost, and all goes on when there is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from devices.clock import SystemClock
from tests.faults.disk import disk
from tests.support.faults_fleet import enroll
from tests.support.faults_rounds import FULL, Rounds
from tests.support.requires import missing
from tests.support.service import Service

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(400)]

SIZE_MB = 64
TIMES = 4


async def test_full_again_and_again(tmp_path: Path, tell: Callable[[str], None]) -> None:
    clock = SystemClock()
    with disk(tmp_path / "small", SIZE_MB) as small:
        if not small.can_fill:
            missing("a disk of its own", "run this as root")
        service = Service(small.path / "data")
        try:
            play = Rounds(service, enroll(service.data_dir, 20, clock), clock, 12, small)
            found = await play.run(TIMES, FULL)
        finally:
            service.kill()
    tell(play.report())
    assert found == []
    assert play.closed_alerts
