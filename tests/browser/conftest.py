"""A real Chromium, an organisation to look after, and a desk whose every complaint fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.cast import House, Service
from tests.browser.desk import Desk
from tests.browser.link import Link
from tests.support.requires import require
from tests.support.waiting import PATIENCE_S

CHROMIUM_ARGS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS: Final = PATIENCE_S * 1000


# One browser a module, not a session: its own event loop must be gone before other modules start theirs.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    program = require("chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(program), args=CHROMIUM_ARGS, timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def house(service: Service, request: pytest.FixtureRequest) -> Iterator[House]:
    """An organisation of this module's own."""
    made = House(service, f"静安区护理站 {request.module.__name__.rpartition('.')[2]}")
    yield made
    made.close()


@pytest.fixture(scope="module")
def quiet_house(service: Service) -> Iterator[House]:
    """An organisation where nothing happens."""
    made = House(service, "平静的护理站")
    yield made
    made.close()


@pytest.fixture
def link(service: Service) -> Iterator[Link]:
    """The cable between browser and service."""
    with Link(int(service.base_url.rpartition(":")[2])) as made:
        yield made


@pytest.fixture
def desk(chromium: Browser, link: Link) -> Iterator[Desk]:
    """A fresh browser profile, English, before the login; fails the test on errors it has not announced."""
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="Asia/Shanghai"
    )
    context.set_default_timeout(PATIENCE_MS)
    made = Desk(context.new_page(), link.base_url)
    yield made
    unexpected = made.unexpected()
    context.close()
    assert unexpected == []
