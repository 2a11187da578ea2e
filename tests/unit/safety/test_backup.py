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
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.orgs import add_org
from safety.store.queries import Scope
from tests.support.changes import BY


async def test_what_was_committed_is_in_the_copy(tmp_path: Path) -> None:
    data_dir, copy = tmp_path / "data", tmp_path / "copy"
    (data_dir / "tls").mkdir(parents=True)
    (data_dir / "tls" / "ca.pem").write_text("a certificate")
    database = Database(database_url(data_dir))
    migrate(database.engine)
    with database.writing() as connection:
        org = add_org(connection, name="Care", **BY)
    log = SqliteEventLog(data_dir / "log", SystemClock())
    for lane in LANES:
        await log.append(lane, [NewEntry("nur_1", b"a report")])
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


def test_a_backup_never_goes_over_another(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "vigil.db").touch()
    with pytest.raises(BackupFailed, match="is not empty"):
        list(backup(tmp_path, Settings(), tmp_path / "copy"))


def test_what_may_not_be_read_is_no_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "tls").mkdir(parents=True)
    (data_dir / "tls" / "ca.key").write_text("a key")
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == data_dir / "tls":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(BackupFailed, match=r"not whole: .*Permission denied: .*tls"):
        list(backup(data_dir, Settings(), tmp_path / "copy"))
