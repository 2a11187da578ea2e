"""Desk: a dispatcher at one console of several, who goes to the next when it fails, and acts on alerts.

What was answered with 2xx is a deed, and must never be lost; what had no answer may be done, or not.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Literal, NamedTuple

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from devices.clock import Clock
from tests.support.faults_fleet import LOGIN, PASSWORD

What = Literal["acknowledge", "note", "resolve"]

WATCHDOG_S = 8.0
"""After how long without a frame the page connects anew: live.js."""
_ANSWER_S = 3.0
_LOGIN_S = 60.0
_AGAIN_AFTER_S = 0.3
_ACTS_EVERY_S = 0.4


class Deed(NamedTuple):
    """What was done to an alert, as the answer said; `text` is unique where it is a note."""

    alert: str
    what: What
    text: str = ""


class Page:
    """An open page: when it first showed each alert (seconds of the monotonic clock), and for whom it is."""

    def __init__(self, consoles: Callable[[], Sequence[str]], home: int, token: str, clock: Clock) -> None:
        self._consoles = consoles
        self._at = home
        self._token = token
        self._clock = clock
        self.shown_s: dict[str, float] = {}
        self.alerts_of: dict[str, set[str]] = {}
        self.is_live = False

    async def run(self) -> None:
        """Stay on a console for as long as it shows a sign of life; for ever."""
        while True:
            url = self._consoles()[self._at].replace("http", "ws", 1)
            with suppress(OSError, TimeoutError, WebSocketException):
                await self._look(f"{url}/api/v1/live")
            self.is_live = False
            self._at = (self._at + 1) % len(self._consoles())
            await self._clock.sleep_s(_AGAIN_AFTER_S)

    async def _look(self, url: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        opening = connect(
            url,
            additional_headers=headers,
            proxy=None,
            ping_interval=None,
            open_timeout=_ANSWER_S,
            close_timeout=0.1,
            max_size=None,
        )
        async with opening as connection:
            while True:
                async with asyncio.timeout(WATCHDOG_S):
                    frame = json.loads(await connection.recv())
                self.is_live = True
                self._take(frame)

    def _take(self, frame: dict[str, Any]) -> None:
        now_s = self._clock.monotonic_s()
        alerts = frame["alerts"] if frame["type"] == "snapshot" else [frame.get("alert")]
        for alert in filter(None, alerts):
            self.shown_s.setdefault(alert["id"], now_s)
            self.alerts_of.setdefault(alert["nurse"], set()).add(alert["id"])


class Dispatcher:
    """Takes alerts up, writes notes and closes them, as they come; `deeds` are what was answered 2xx.

    Those of the nurses in `leaves` are left to others.
    """

    def __init__(
        self,
        consoles: Callable[[], Sequence[str]],
        token: str,
        clock: Clock,
        rng: Random,
        leaves: Collection[str],
    ) -> None:
        self._consoles = consoles
        self._at = 0
        self._clock = clock
        self._rng = rng
        self._http = httpx.AsyncClient(
            timeout=_ANSWER_S, trust_env=False, headers={"Authorization": f"Bearer {token}"}
        )
        self._leaves = leaves
        self._notes = 0
        self.deeds: list[Deed] = []
        self.refusals: list[str] = []

    async def run(self) -> None:
        """Act until cancelled."""
        try:
            while True:
                await self._clock.sleep_s(_ACTS_EVERY_S)
                try:
                    for alert in await self.alerts("open"):
                        if alert["nurse"] not in self._leaves and self._rng.random() < 0.3:
                            await self.act(alert, self._next(alert))
                except httpx.HTTPError:
                    self._at = (self._at + 1) % len(self._consoles())
        finally:
            await self._http.aclose()

    async def alerts(self, state: str) -> list[dict[str, Any]]:
        """The alerts in `state`.

        Raises:
            httpx.HTTPError: the console does not answer.
        """
        answer = await self._http.get(self._url("alerts"), params={"state": state, "limit": 100})
        if answer.status_code >= 500:
            raise httpx.RemoteProtocolError("the console is not well")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def _next(self, alert: dict[str, Any]) -> What:
        if alert["state"] == "raised":
            return "acknowledge"
        return "note" if self._rng.random() < 0.5 else "resolve"

    async def act(self, alert: dict[str, Any], what: What) -> None:
        """Do `what` with an alert.

        Raises:
            httpx.HTTPError: the console does not answer; it may be done all the same.
        """
        text, body = "", {"version": alert["version"]}
        if what == "note":
            self._notes += 1
            text = body["text"] = f"note {self._notes} of {self._rng.getrandbits(32):08x}"
        if what == "resolve":
            body["reason"] = "test"
        answer = await self._http.post(self._url(f"alerts/{alert['id']}/{what}"), json=body)
        if answer.is_success:
            self.deeds.append(Deed(alert["id"], what, text))
        elif answer.status_code < 500 and answer.status_code != 409:
            self.refusals.append(f"{what} {alert['id']}: {answer.status_code} {answer.text[:300]}")

    def _url(self, path: str) -> str:
        return f"{self._consoles()[self._at]}/api/v1/{path}"


async def log_in(url: str) -> str:
    """Return the token of a session of the dispatcher's."""
    async with httpx.AsyncClient(base_url=url, timeout=_LOGIN_S, trust_env=False) as http:
        answer = await http.post("/api/v1/session", json={"username": LOGIN, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])
