"""What root makes in a service's data directory is that service's."""

import os
from pathlib import Path

import pytest

from safety.trust import write_private


def test_what_root_makes_belongs_to_whom_the_directory_around_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[Path, int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, user, group: given.append((Path(path), user, group)))
    key = tmp_path / "tls" / "devices" / "dev.key"
    write_private(key, b"a key")
    owner = tmp_path.stat()
    made = (key.parent.parent, key.parent, key.with_name(".dev.key.new"))
    assert given == [(path, owner.st_uid, owner.st_gid) for path in made]
    assert {path.stat().st_mode & 0o777 for path in made[:2]} == {0o700}
    assert key.read_bytes() == b"a key"
