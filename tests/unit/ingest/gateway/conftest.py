"""A door for each test."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.support.gateway import Door


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.gateway.close()


@pytest.fixture
async def client(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    async with door.client() as client:
        yield client
