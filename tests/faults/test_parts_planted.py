"""The test of the rounds: a part with a bug planted in it, killed once, is caught by the same checker."""

from pathlib import Path

import pytest

from devices.clock import SystemClock
from tests.faults.house import house
from tests.faults.nemesis import Fault
from tests.faults.rounds import Rounds

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(400)]

# What a bug has lost does not come.
PATIENCE_S = 12.0
ONE_OF_EACH = ("ingest-1", "process-1", "route-1", "console-1")


async def found_with(directory: Path, bug: str | None, killed: str) -> str:
    clock = SystemClock()
    planted = {} if bug is None else {killed: bug}
    with house(directory, clock, parts=ONE_OF_EACH, nodes=1, planted=planted) as running:
        play = Rounds(running, clock, 5, patience_s=PATIENCE_S if bug else 60)
        await play.run([Fault(killed, "kill")])
    return "\n".join(play.found)


async def test_an_ingest_that_acknowledges_before_it_appends_is_caught(tmp_path: Path) -> None:
    assert "lost:" in await found_with(tmp_path, "acknowledge_before_append", "ingest-1")


async def test_a_process_that_moves_on_before_it_stores_is_caught(tmp_path: Path) -> None:
    assert "no_alert:" in await found_with(tmp_path, "offsets_before_effects", "process-1")


async def test_alerts_whose_ids_are_not_derived_are_caught(tmp_path: Path) -> None:
    assert "not_derived:" in await found_with(tmp_path, "random_alert_ids", "process-1")


@pytest.mark.parametrize("killed", ["ingest-1", "process-1"])
async def test_the_real_ones_are_not(tmp_path: Path, killed: str) -> None:
    assert await found_with(tmp_path, None, killed) == ""
