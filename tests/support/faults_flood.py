"""Flood: recipes published from several devices at once, and presses for help in the middle of it."""

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import NamedTuple

import httpx

from devices.clock import Clock
from tests.faults.accounting import Sent
from tests.support.faults_corpus import FIRST_NUMBER, Recipe
from tests.support.faults_fleet import LOGIN, PASSWORD, Login
from tests.support.faults_wire import Wire
from tests.support.service import Service
from tests.support.waiting import eventually

AT_ONCE = 20
"""What one device has on the way."""


class Flood:
    """Publishes recipes from `logins`, some of them on the topics of `victim`."""

    def __init__(self, service: Service, logins: list[Login], victim: Login, zero_ms: int) -> None:
        self.accepted: list[Sent] = []
        self.sent = 0
        self._service = service
        self._logins = logins
        self._victim = victim
        self._zero_ms = zero_ms

    async def run(self, recipes: list[Recipe]) -> None:
        """Publish all; returns when each is acknowledged."""
        numbered = list(enumerate(recipes, FIRST_NUMBER))
        async with asyncio.TaskGroup() as tasks:
            for place, login in enumerate(self._logins):
                tasks.create_task(self._publish(login, numbered[place :: len(self._logins)]))

    async def _publish(self, login: Login, numbered: list[tuple[int, Recipe]]) -> None:
        room = asyncio.Semaphore(AT_ONCE)
        wire = await Wire.open(self._service.mqtt_port, login.id, login.secret, lambda _: None)
        with closing(wire):
            for number, recipe in numbered:
                topic = recipe.topic.replace("{own}", login.id).replace("{other}", self._victim.id)
                sent = Sent(number, login.id, topic, recipe.build(number, self._zero_ms))
                await asyncio.wait_for(room.acquire(), 30)
                assert not wire.lost.is_set(), (
                    f"the connection ended before {sent.topic} {sent.payload[:80]!r}"
                )
                self.sent += 1
                wire.publish(sent.topic, sent.payload, partial(self._accept, sent, room))
            await eventually(lambda: not wire.unacknowledged, 30, "all is acknowledged")

    def _accept(self, sent: Sent, room: asyncio.Semaphore) -> None:
        self.accepted.append(sent)
        room.release()


class Took(NamedTuple):
    """How long a press took from its publish: until it was at the API, and until it was received."""

    to_api_s: float
    to_received_s: float


class Presser:
    """A nurse who calls for help again and again; each alert is resolved before the next press."""

    def __init__(self, service: Service, login: Login, clock: Clock) -> None:
        self._service = service
        self._login = login
        self._clock = clock
        self.took: list[Took] = []

    async def run(self, times: int, due: Callable[[int], bool]) -> None:
        """Press `times` times, each time when it is `due`."""
        url, port = self._service.base_url, self._service.mqtt_port
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        wire = await Wire.open(port, self._login.id, self._login.secret, heard.put_nowait)
        async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as http:
            answer = await http.post("/api/v1/session", json={"username": LOGIN, "password": PASSWORD})
            http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
            with closing(wire):
                for press in range(times):
                    await eventually(partial(due, press), 300, f"time for press {press}")
                    await self._press(press, wire, http, heard)

    async def _press(
        self, press: int, wire: Wire, http: httpx.AsyncClient, heard: asyncio.Queue[bytes]
    ) -> None:
        payload = json.dumps({"kind": "panic", "seq": press, "id": f"press-{press}"}).encode()
        since_s = self._clock.monotonic_s()
        wire.publish(f"vigil/v1/{self._login.id}/alarm", payload, lambda: None)
        alert = await eventually(partial(self._alert, http, str(press)), 10, "the panic is at the API")
        to_api_s = self._clock.monotonic_s() - since_s
        while json.loads(await asyncio.wait_for(heard.get(), 10))["kind"] != "alarm_received":
            pass
        self.took.append(Took(to_api_s, self._clock.monotonic_s() - since_s))
        body = {"version": alert["version"], "reason": "test"}
        done = await http.post(f"/api/v1/alerts/{alert['id']}/resolve", json=body)
        assert done.status_code == 200, done.text
        ready = await http.get("/readyz")
        assert ready.status_code == 200, ready.text

    async def _alert(self, http: httpx.AsyncClient, seq: str) -> dict[str, str] | None:
        listed = await http.get("/api/v1/alerts", params={"state": "raised", "limit": 50})
        for item in listed.json()["items"]:
            if item["device"] == self._login.id and item["source_event"].split("/")[2] == seq:
                return {"id": item["id"], "version": item["version"]}
        return None
