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
from tests.support.faults_fleet import Login
from tests.support.faults_wire import Wire
from tests.support.service import Service
from tests.support.waiting import PATIENCE_S, eventually

AT_ONCE = 5
"""What one device has on the way."""


class Flood:
    """Publishes recipes from `logins`, some of them on the topics of `victims`."""

    def __init__(self, service: Service, logins: list[Login], victims: list[Login], zero_ms: int) -> None:
        self.accepted: list[Sent] = []
        self._done = 0.0
        self._service = service
        self._logins = logins
        self._victims = victims
        self._zero_ms = zero_ms

    async def run(self, recipes: list[Recipe]) -> None:
        """Publish all; returns when each is acknowledged."""
        numbered = list(enumerate(recipes, FIRST_NUMBER))
        async with asyncio.TaskGroup() as tasks:
            for place, login in enumerate(self._logins):
                tasks.create_task(self._publish(login, numbered[place :: len(self._logins)]))

    def reached(self, part: float) -> bool:
        """Tell whether as much as `part` of it is sent."""
        return self._done >= part

    async def _publish(self, login: Login, numbered: list[tuple[int, Recipe]]) -> None:
        room = asyncio.Semaphore(AT_ONCE)
        wire = await Wire.open(self._service.mqtt_port, login.id, login.secret, lambda _: None)
        with closing(wire):
            for number, recipe in numbered:
                other = self._victims[number % len(self._victims)]
                topic = recipe.topic.replace("{own}", login.id).replace("{other}", other.id)
                sent = Sent(number, login.id, topic, recipe.build(number, self._zero_ms))
                await asyncio.wait_for(room.acquire(), PATIENCE_S)
                assert not wire.lost.is_set(), (
                    f"the connection ended before {sent.topic} {sent.payload[:80]!r}"
                )
                self._done = (number - FIRST_NUMBER) / len(numbered) / len(self._logins)
                wire.publish(sent.topic, sent.payload, partial(self._accept, sent, room))
            await eventually(lambda: not wire.unacknowledged, what="all is acknowledged")

    def _accept(self, sent: Sent, room: asyncio.Semaphore) -> None:
        self.accepted.append(sent)
        room.release()


class Took(NamedTuple):
    """How long a press took from its publish: until it was at the API, and until it was received."""

    to_api_s: float
    to_received_s: float


class Presser:
    """A nurse who calls for help in the middle of it; `http` is a dispatcher's."""

    def __init__(self, service: Service, login: Login, clock: Clock, http: httpx.AsyncClient) -> None:
        self._port = service.mqtt_port
        self._login = login
        self._clock = clock
        self._http = http

    async def run(self, due: Callable[[], bool]) -> Took:
        """Connect now, and press when it is `due`."""
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        wire = await Wire.open(self._port, self._login.id, self._login.secret, heard.put_nowait)
        with closing(wire):
            await eventually(due, 300, "time to press")
            return await self._press(wire, heard)

    async def _press(self, wire: Wire, heard: asyncio.Queue[bytes]) -> Took:
        payload = json.dumps({"kind": "panic", "seq": 1, "id": f"press of {self._login.id}"}).encode()
        since_s = self._clock.monotonic_s()
        wire.publish(f"vigil/v1/{self._login.id}/alarm", payload, lambda: None)
        await eventually(self._is_listed, what="the panic is at the API")
        to_api_s = self._clock.monotonic_s() - since_s
        while json.loads(await asyncio.wait_for(heard.get(), PATIENCE_S))["kind"] != "alarm_received":
            continue  # it is told to report more often, too
        to_received_s = self._clock.monotonic_s() - since_s
        ready = await self._http.get("/readyz")
        assert ready.status_code == 200, ready.text
        return Took(to_api_s, to_received_s)

    async def _is_listed(self) -> bool:
        query = {"nurse": self._login.nurse, "kind": "panic"}
        listed = await self._http.get("/api/v1/alerts", params=query)
        return bool(listed.json()["items"])
