"""The API over a store of each kind that is built once and copied for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from safety.store.database import database_url, open_engine
from safety.store.migrate import migrate
from tests.support.dispatch import Dispatch, House, build_store, opened
from tests.support.postgres import Postgres


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, House]]:
    path = tmp_path_factory.mktemp("store")
    return path, build_store(database_url(path))


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> tuple[str, dict[str, House]]:
    name = postgres.create()
    engine = open_engine(postgres.url(name))
    migrate(engine)
    engine.dispose()
    return name, build_store(postgres.url(name))


@pytest.fixture
def in_a_file(file: tuple[Path, dict[str, House]], tmp_path: Path) -> Iterator[Dispatch]:
    path, houses = file
    shutil.copy(path / "vigil.db", tmp_path / "vigil.db")
    with opened(database_url(tmp_path), houses) as dispatch:
        yield dispatch


@pytest.fixture
def on_a_server(postgres: Postgres, template: tuple[str, dict[str, House]]) -> Iterator[Dispatch]:
    original, houses = template
    name = postgres.create(original)
    with opened(postgres.url(name), houses) as dispatch:
        yield dispatch
    postgres.drop(name)


@pytest.fixture(params=["in_a_file", pytest.param("on_a_server", marks=pytest.mark.integration)])
def dispatch(request: pytest.FixtureRequest) -> Dispatch:
    made: Dispatch = request.getfixturevalue(request.param)
    return made
