"""A backup is whole, of a store and a log that are open and being written."""

import os
from pathlib import Path
from typing import Any

import pytest

from devices.clock import SystemClock
from ingest.lanes import ALARMS, LANES
from ingest.log.port import BEGINNING, NewEntry
from ingest.log.sqlite import SqliteEventLog
from safety.backup import BackupFailed, backup
from safety.config import Settings
from safety.parts.logs import TOPICS
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.orgs import add_org
from safety.store.queries import Scope
from tests.support.changes import BY


@pytest.fixture
async def data_dir(tmp_path: Path) -> Path:
    """What a service leaves behind that has run: a store, and a log with an entry on each topic."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    database = Database(database_url(data_dir))
    migrate(database.engine)
    database.close()
    log = SqliteEventLog(data_dir / "log", SystemClock())
    for topic in TOPICS:
        await log.append(topic, [NewEntry("nur_1", b"a report" * 10_000)])
    await log.close()
    return data_dir


async def test_what_was_committed_is_in_the_copy(tmp_path: Path) -> None:
    data_dir, copy = tmp_path / "data", tmp_path / "copy"
    (data_dir / "tls").mkdir(parents=True)
    (data_dir / "tls" / "ca.pem").write_text("a certificate")
    database = Database(database_url(data_dir))
    migrate(database.engine)
    with database.writing() as connection:
        org = add_org(connection, name="Care", **BY)
    log = SqliteEventLog(data_dir / "log", SystemClock())
    for topic in TOPICS:
        await log.append(topic, [NewEntry("nur_1", b"a report")])
    said = list(backup(data_dir, Settings(), copy))
    await log.append(ALARMS, [NewEntry("nur_1", b"one that came later")])
    await log.close()
    database.close()
    assert "1 other files" in said
    assert (copy / "tls" / "ca.pem").read_text() == "a certificate"

    restored, log = Database(database_url(copy)), SqliteEventLog(copy / "log", SystemClock())
    with restored.reading() as connection:
        assert Scope(org).orgs(connection) == {org}
    for lane in LANES:
        assert [entry.value for entry in await log.read(lane, 0, BEGINNING, 10)] == [b"a report"]
    await log.close()
    restored.close()


def test_a_backup_never_goes_over_another(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "vigil.db").touch()
    with pytest.raises(BackupFailed, match="is not empty"):
        list(backup(data_dir, Settings(), tmp_path / "copy"))


@pytest.mark.parametrize("file", ["vigil.db", "log/alarms.db", "log/telemetry.db", "log/dead_letters.db"])
def test_what_is_missing_is_no_backup(data_dir: Path, tmp_path: Path, file: str) -> None:
    (data_dir / file).unlink()
    with pytest.raises(BackupFailed, match=f"{file} is not there: expected the data of a service"):
        list(backup(data_dir, Settings(), tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def test_what_is_elsewhere_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    elsewhere = Settings(database_url="postgresql://u@h/vigil", kafka_url="kafka://h:9092")
    assert list(backup(tmp_path / "data", elsewhere, tmp_path / "copy"))[-1] == "0 other files"


@pytest.mark.parametrize("file", ["vigil.db", "log/telemetry.db"])
def test_a_broken_database_is_no_backup(data_dir: Path, tmp_path: Path, file: str) -> None:
    whole = (data_dir / file).read_bytes()
    middle = len(whole) // 2 // 4096 * 4096
    (data_dir / file).write_bytes(whole[:middle] + b"\xff" * 4096 + whole[middle + 4096 :])
    with pytest.raises(BackupFailed, match=f"the backup is not whole: .*{file} cannot be used"):
        list(backup(data_dir, Settings(), tmp_path / "copy"))


def test_a_copy_is_its_owners_only(data_dir: Path, tmp_path: Path) -> None:
    (data_dir / "vigil.toml").touch(mode=0o644)
    (data_dir / "vigil.toml").chmod(0o644)
    (tmp_path / "copy").mkdir()
    list(backup(data_dir, Settings(), tmp_path / "copy"))
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"vigil.toml", "vigil.db", "alarms.db"}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_what_is_no_database_is_no_backup(data_dir: Path, tmp_path: Path) -> None:
    (data_dir / "vigil.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(BackupFailed, match=r"vigil.db cannot be used: file is not a database"):
        list(backup(data_dir, Settings(), tmp_path / "copy"))


def test_what_may_not_be_read_is_no_empty_directory(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data_dir / "tls").mkdir()
    (data_dir / "tls" / "ca.key").write_text("a key")
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == data_dir / "tls":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(BackupFailed, match=r"not whole: .*Permission denied: .*tls"):
        list(backup(data_dir, Settings(), tmp_path / "copy"))
