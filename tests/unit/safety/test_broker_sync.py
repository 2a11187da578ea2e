"""A broker that no signal reaches is told by who is beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.clock import ManualClock
from safety.broker_sync import BrokerSync, ReloadFailed
from safety.config import Settings
from safety.store.database import Database, database_url
from safety.store.migrate import migrate


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(database_url(tmp_path))
    migrate(database.engine)
    yield database
    database.close()


class PassingClock(ManualClock):
    """A clock on which every wait is over at once; from `takes_at_s` on `asked` is taken."""

    def __init__(self, asked: Path, takes_at_s: float) -> None:
        super().__init__()
        self.asked = asked
        self.takes_at_s = takes_at_s
        self.taken = 0

    async def sleep_s(self, duration_s: float) -> None:
        self.advance_s(duration_s)
        if self.monotonic_s() >= self.takes_at_s and self.asked.exists():
            self.asked.unlink()
            self.taken += 1


def syncing(database: Database, directory: Path, clock: PassingClock) -> BrokerSync:
    out, told = directory / "out", list[str]()
    return BrokerSync(
        database, Settings(), directory, out, None, None, told.append, clock, reload_file=clock.asked
    )


async def test_it_waits_until_the_file_was_taken(database: Database, tmp_path: Path) -> None:
    clock = PassingClock(tmp_path / "reload", takes_at_s=3)
    sync = syncing(database, tmp_path, clock)
    assert (await sync.once()).written
    assert clock.taken == 1
    assert clock.monotonic_s() >= 3
    assert not (await sync.once()).written
    assert clock.taken == 1
    assert not clock.asked.exists()


async def test_who_does_not_take_it_is_asked_again(database: Database, tmp_path: Path) -> None:
    clock = PassingClock(tmp_path / "reload", takes_at_s=11)
    sync = syncing(database, tmp_path, clock)
    with pytest.raises(ReloadFailed, match=r"nobody takes .*reload"):
        await sync.once()
    clock.advance_s(10)
    assert not (await sync.once()).written
    assert clock.taken == 1


async def test_a_file_that_cannot_be_left_is_told(database: Database, tmp_path: Path) -> None:
    sync = syncing(database, tmp_path, PassingClock(tmp_path / "no" / "reload", takes_at_s=0))
    with pytest.raises(ReloadFailed, match="cannot be written"):
        await sync.once()
