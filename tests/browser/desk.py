"""The dispatcher's desk as a test drives it: what is on the screen, found by its stable hooks."""

from __future__ import annotations

from typing import Final

import httpx
from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from tests.support.waiting import PATIENCE_S

SESSION_COOKIE: Final = "vigil_session"


class Desk:
    """One page in one browser; notes everything that goes wrong in it."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        self.complaints: list[str] = []
        self.tolerated: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def unexpected(self) -> list[str]:
        """Complaints that the test has not announced (`tolerated`: parts of their texts)."""
        return [text for text in self.complaints if not any(part in text for part in self.tolerated)]

    def open(self) -> None:
        """Load the page."""
        self.page.goto(self.base_url)

    def type_login(self, login: str, password: str) -> None:
        """Fill in the login form and send it."""
        self.page.get_by_test_id("login-user").fill(login)
        self.page.get_by_test_id("login-password").fill(password)
        self.page.get_by_test_id("login-submit").click()

    def log_in(self, login: str, password: str) -> None:
        """Load the page, log in, and wait until the feed is live."""
        self.open()
        self.type_login(login, password)
        self.wait_live()

    def wait_live(self) -> None:
        """Wait until the live feed stands."""
        expect(self.connection).to_have_attribute("data-state", "live")

    def wait_drawn(self) -> None:
        """Wait until what has changed is on the screen: the page draws once a frame."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")

    def end_session(self) -> None:
        """End the page's session at the server, behind its back."""
        token = next(
            cookie["value"] for cookie in self.page.context.cookies() if cookie["name"] == SESSION_COOKIE
        )
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.base_url}/api/v1/session"
        httpx.delete(url, headers=headers, timeout=PATIENCE_S, trust_env=False).raise_for_status()

    @property
    def connection(self) -> Locator:
        """The state of the live connection."""
        return self.page.get_by_test_id("connection")

    @property
    def detail(self) -> Locator:
        """The detail pane."""
        return self.page.get_by_test_id("detail")

    @property
    def timeline(self) -> Locator:
        """The chosen alert's timeline."""
        return self.page.get_by_test_id("timeline")

    def cards_of(self, nurse_name: str) -> Locator:
        """The queue's cards that show this nurse."""
        return self.page.get_by_test_id("alert-card").filter(has_text=nurse_name)

    def button(self, action: str) -> Locator:
        """The detail's button of an action, e.g. `acknowledge`."""
        return self.page.get_by_test_id(f"action-{action}")

    def map_view(self) -> str | None:
        """Where the map looks: "lat,lon,zoom"."""
        return self.page.get_by_test_id("map").get_attribute("data-view")
