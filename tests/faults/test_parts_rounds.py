"""All of Vigil beyond one machine, and one fault after the other: what was promised holds after each."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from devices.clock import SystemClock
from tests.faults.house import PARTS, house
from tests.faults.nemesis import Fault, dealt, faults_in
from tests.faults.rounds import Rounds

pytestmark = pytest.mark.integration


FEW = ("ingest-1", "ingest-2", "process-1", "process-2", "route-1", "console-1")


@pytest.mark.timeout(240)
async def test_a_few_rounds(tmp_path: Path, tell: Callable[[str], None]) -> None:
    clock = SystemClock()
    with house(tmp_path, clock, parts=FEW, nodes=1) as running:
        play = Rounds(running, clock, 11)
        await play.run([Fault("process-1", "kill"), Fault("ingest-1", "pause")])
    tell(play.report())
    assert play.found == []


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_at_random(tmp_path: Path, rounds: int, seed: int, tell: Callable[[str], None]) -> None:
    clock = SystemClock()
    with house(tmp_path, clock, shifted=PARTS) as running:
        play = Rounds(running, clock, seed)
        await play.run(islice(dealt(faults_in(running), Random(seed)), rounds))
    tell(play.report())
    for time in play.times:
        tell(str(time))
    assert play.found == []
