"""Fixtures for all tests."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from devices.clock import SystemClock
from safety.store.database import database_url
from safety.trust import Trust
from tests.support.kafka import Kafka, kafka
from tests.support.postgres import Postgres
from tests.support.service import Household, Service

# A busy machine is no fault of a test's: deadlines are for what is measured, in the benchmarks.
SEARCH = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=False)
settings.register_profile("search", SEARCH)
# Each run tries the same examples; `--hypothesis-profile search` looks for others.
settings.register_profile("vigil", SEARCH, derandomize=True)
settings.load_profile("vigil")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running `vigil up` that the tests of a session share; each makes an organisation of its own."""
    running = Service(tmp_path_factory.mktemp("service") / "data")
    running.data_dir.mkdir(mode=0o700)
    Trust(running.data_dir).create("of these tests", SystemClock().now_ms())
    running.start("--mqtts-port", "0")
    try:
        yield running
        assert running.stop() == 0
    finally:
        running.kill()


@pytest.fixture(scope="session")
def kafka_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A real Kafka of one node that the tests of a session share; each has a topic prefix of its own."""
    with kafka(tmp_path_factory.mktemp("kafka") / "cluster") as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL that the tests of a session share; without one they are skipped by name."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where to make a store: in a file of its own, and once more on PostgreSQL, emptied."""
    if request.param == "sqlite":
        return database_url(tmp_path)
    server: Postgres = request.getfixturevalue("postgres")
    return server.store()


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    """A service that a test has for itself, not yet started: it may kill it."""
    own = Service(tmp_path / "data")
    try:
        yield own
    finally:
        own.kill()


@pytest.fixture
def household(service: Service, request: pytest.FixtureRequest) -> Iterator[Household]:
    """An organisation with a dispatcher, a nurse and her phone."""
    with closing(Household(service, request.node.name)) as own:
        yield own
