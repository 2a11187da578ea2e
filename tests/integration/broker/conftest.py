"""A site for each test: the embedded broker, which knows two devices, and ingest that reads it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.broker_site import BrokerSite, broker_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[BrokerSite]:
    async with broker_site(tmp_path, "dev_a", "dev_b") as site:
        yield site
