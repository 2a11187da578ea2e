"""What one process may not do beside another, and what it says then."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from devices.clock import SystemClock
from ingest.errors import LogInUse
from ingest.right_of_way import RightOfWay
from safety.config import ConfigError, Settings
from safety.errors import StoreUnusable
from safety.parts.logs import open_log
from safety.parts.part import Ground
from safety.parts.route import routing
from safety.running import Listener
from safety.split import run_part, serve
from safety.store.database import Database, database_url
from safety.store.migrate import StoreTooOld, migrate_new
from safety.wakes import Wakes
from tests.support.waiting import PATIENCE_S


def ground(data_dir: Path) -> Ground:
    clock = SystemClock()
    database = Database(database_url(data_dir))
    wakes = Wakes(database.url, clock)
    return Ground(
        data_dir=data_dir,
        settings=Settings(),
        database=database,
        clock=clock,
        wakes=wakes,
        way=RightOfWay(clock),
        alone=False,
    )


async def test_the_embedded_log_has_one_writer_and_one_engine(tmp_path: Path) -> None:
    ours = ground(tmp_path)
    async with open_log(ours, writes=True, engine=False), open_log(ours, writes=False, engine=True):
        with pytest.raises(LogInUse, match="is written by process"):
            async with open_log(ours, writes=True, engine=False):
                pass
        with pytest.raises(LogInUse, match="is processed by process"):
            async with open_log(ours, writes=False, engine=True):
                pass
    async with open_log(ours, writes=True, engine=True):
        pass
    ours.database.close()


def test_who_routes_without_leases_routes_alone(tmp_path: Path) -> None:
    sharing = ground(tmp_path)
    alone = dataclasses.replace(sharing, alone=True)
    with (
        routing(sharing),
        routing(sharing),
        pytest.raises(LogInUse, match="are routed by process"),
        routing(alone),
    ):
        pass
    with routing(alone), pytest.raises(LogInUse), routing(sharing):
        pass
    sharing.database.close()


@pytest.mark.parametrize("part", ["ingest", "route"])
def test_a_part_that_speaks_mqtt_needs_an_outside_broker(part: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs an outside broker"):
        run_part(part, tmp_path, Settings(), Listener("127.0.0.1", 0))  # type: ignore[arg-type]  # one of two


def test_only_init_and_up_upgrade_a_store(tmp_path: Path) -> None:
    database = Database(database_url(tmp_path))
    migrate_new(database.engine)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(StoreTooOld, match="run `vigil init`"):
        migrate_new(database.engine)
    database.close()


async def test_a_part_that_waits_for_another_can_be_stopped(tmp_path: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(PATIENCE_S):
        await serve("process", tmp_path, Settings(), Listener("127.0.0.1", 0), stop)


async def test_a_file_that_is_no_store_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "vigil.db").write_text("no store at all " * 100)
    with pytest.raises(StoreUnusable, match=r"vigil.db cannot be used: file is not a database"):
        await serve("console", tmp_path, Settings(), Listener("127.0.0.1", 0), asyncio.Event())
