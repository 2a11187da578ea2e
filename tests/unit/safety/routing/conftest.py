"""Routing stepped by hand, on a store of each kind."""

from collections.abc import Iterator

import pytest

from tests.support.paging import Desk


@pytest.fixture
def desk(store_url: str) -> Iterator[Desk]:
    desk = Desk(store_url)
    yield desk
    desk.close()
