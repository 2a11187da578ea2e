"""The API over a store that is built once and copied for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dispatch import Dispatch, House, build_store, opened


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, House]]:
    path = tmp_path_factory.mktemp("store")
    return path, build_store(path)


@pytest.fixture
def dispatch(built: tuple[Path, dict[str, House]], tmp_path: Path) -> Iterator[Dispatch]:
    path, houses = built
    shutil.copy(path / "vigil.db", tmp_path / "vigil.db")
    with opened(tmp_path, houses) as dispatch:
        yield dispatch
