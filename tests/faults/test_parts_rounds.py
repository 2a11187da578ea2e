"""All of Vigil beyond one machine, and one fault after the other: what was promised holds after each."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from devices.clock import SystemClock
from tests.faults.house import PARTS, house, vigil
from tests.faults.nemesis import Fault, dealt, faults_in
from tests.faults.rounds import Rounds
from tests.faults.waits import late, table

pytestmark = pytest.mark.integration


WORKERS = ("ingest", "process", "route", "console")
FEW = ("ingest-1", "ingest-2", "process-1", "process-2", "route-1", "console-1")


async def test_a_few_rounds(tmp_path: Path, tell: Callable[[str], None]) -> None:
    clock = SystemClock()
    with house(tmp_path, clock, parts=FEW, nodes=1) as running:
        play = Rounds(running, clock, 11)
        await play.run([Fault("process-1", "kill"), Fault("ingest-1", "pause")])
    tell(play.report())
    assert play.found == []


@pytest.mark.long
@pytest.mark.timeout(14_400)
async def test_at_random(
    tmp_path: Path,
    rounds: int,
    seed: int,
    only: str,
    tell: Callable[[str], None],
    report: Callable[[str], Path],
) -> None:
    clock = SystemClock()
    with house(tmp_path, clock, shifted=PARTS) as running:
        play = Rounds(running, clock, seed)
        faults = [fault for fault in faults_in(running) if only in fault.kind]
        try:
            await play.run(islice(dealt(faults, Random(seed)), rounds))
        finally:
            written = report("faults.md")
            written.write_text("\n".join([play.report(), "", *table(play.waits)]) + "\n")
            tell(f"{play.report()}; {written.name} has how long people waited")
        vigil(running.settings, tmp_path / "data", "audit", "verify")
        vigil(running.settings, tmp_path / "data", "replay", "--from", "-1d")
    assert play.found == []
    assert late(play.waits, WORKERS) == []
