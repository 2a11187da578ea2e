"""Backup: a copy of the data directory of a service that goes on running, from which one can start again.

The store is copied before the log. So the log is never behind what the engine has written down of it, and a
start from the copy runs the rest of the log again, which changes nothing that is in the store already.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from safety.config import Settings
from safety.errors import SafetyError
from safety.parts.logs import TOPICS, log_directory

STORE = Path("vigil.db")


class BackupFailed(SafetyError):
    """Nothing was copied, or not all of it; says what is in the way."""


def backup(data_dir: Path, settings: Settings, out: Path) -> Iterator[str]:
    """Copy everything that this machine holds into `out`; yield what was done, in words.

    Raises:
        BackupFailed: there is something in `out`, or something is missing, broken or cannot be copied.
    """
    _check_all_there(data_dir, settings)
    if out.exists() and any(out.iterdir()):
        raise BackupFailed(f"{out} is not empty: a backup has a directory of its own")
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        if settings.database_url is None:
            yield _copy_database(data_dir / STORE, out / STORE)
        else:
            yield "the store is on PostgreSQL: pg_dump copies it, and should have done so before this"
        if settings.kafka_url is None:
            source, copy = log_directory(data_dir), log_directory(out)
            copy.mkdir(mode=0o700)
            for topic in TOPICS:
                yield _copy_database(source / f"{topic}.db", copy / f"{topic}.db")
        else:
            yield "the log is in Kafka, which keeps copies of its own"
        yield _copy_rest(data_dir, out)
        _sync(out)
    except OSError as error:
        raise BackupFailed(f"the backup is not whole: {error}") from error


def _check_all_there(data_dir: Path, settings: Settings) -> None:
    """Refuse a directory that lacks what a service that has run keeps there."""
    store = [data_dir / STORE] if settings.database_url is None else []
    topics = TOPICS if settings.kafka_url is None else ()
    for file in (*store, *(log_directory(data_dir) / f"{topic}.db" for topic in topics)):
        if not file.exists():
            raise BackupFailed(f"{file} is not there: expected the data of a service that has run")


def _copy_database(source: Path, copy: Path) -> str:
    """Copy a database as it is at one moment, whoever writes it."""
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(copy)) as writing,
        ):
            reading.backup(writing)
            (said,) = writing.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise BackupFailed(f"the backup is not whole: {source} cannot be used: {said}")
    copy.chmod(0o600)
    return f"{copy}: {copy.stat().st_size} bytes"


def _copy_rest(data_dir: Path, out: Path) -> str:
    """Copy settings, certificates and whatever else lies there and is no database."""
    copied = 0
    for source in _files(data_dir):
        if not source.is_file() or out in source.parents or _is_databases(source):
            continue
        copy = out / source.relative_to(data_dir)
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(source, copy)
        copy.chmod(0o600)
        copied += 1
    return f"{copied} other files"


def _files(data_dir: Path) -> list[Path]:
    """Return all that is in `data_dir`; a directory that cannot be read is an error, and no empty one."""

    def refuse(error: OSError) -> None:
        raise error

    walk = os.walk(data_dir, onerror=refuse)
    return sorted(Path(directory, name) for directory, _, names in walk for name in names)


def _is_databases(path: Path) -> bool:
    return path.name.removesuffix("-wal").removesuffix("-shm").endswith(".db") or path.suffix == ".lock"


def _sync(directory: Path) -> None:
    """Have the disk keep all files, so that a backup that was made is one."""
    for path in (*directory.rglob("*"), directory):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
