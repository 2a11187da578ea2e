"""Screen: a dispatcher's page: the live feed on a WebSocket, and the API with which alerts are closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect

from devices.clock import Clock
from safety.bench.errors import BenchFailed

_TIMEOUT_S = 30.0
_ENGINE_ENTRIES = 'vigil_engine_entries_total{lane="telemetry"}'
_ENGINE_LAG = 'vigil_engine_lag{lane="telemetry"'


class Seen(NamedTuple):
    """An alert's frame, and when (monotonic s) it was there."""

    at_s: float
    alert: str
    version: int


class _Alert(msgspec.Struct):
    id: str
    device: str | None
    state: str
    version: int


class _Frame(msgspec.Struct):
    type: str
    alert: _Alert | None = None


_decoder = msgspec.json.Decoder(_Frame)


class Screen:
    """What a dispatcher sees and does, in one session."""

    def __init__(self, http: httpx.AsyncClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._awaited: dict[tuple[str, str], asyncio.Future[Seen]] = {}

    def expect(self, device: str, state: str) -> asyncio.Future[Seen]:
        """Return what will have the next frame that shows an alert of `device` in `state`."""
        awaited = self._awaited[device, state] = asyncio.get_running_loop().create_future()
        return awaited

    async def resolve(self, seen: Seen) -> None:
        """Close the alert."""
        answer = await self._http.post(
            f"/api/v1/alerts/{seen.alert}/resolve", json={"version": seen.version, "reason": "test"}
        )
        if answer.status_code != httpx.codes.OK:
            raise BenchFailed(
                f"alert {seen.alert} cannot be resolved: {answer.status_code} {answer.text[:200]}"
            )

    async def fixes_processed(self) -> float:
        """Return how many records of the telemetry lane the engine has been through."""
        return await self._sum_of(_ENGINE_ENTRIES)

    async def fixes_waiting(self) -> float:
        """Return how many records of the telemetry lane the engine has not been through."""
        return await self._sum_of(_ENGINE_LAG)

    async def _sum_of(self, series: str) -> float:
        metrics = (await self._http.get("/metrics")).text
        lines = (line.rsplit(" ", 1) for line in metrics.splitlines() if line.startswith(series))
        return sum(float(value) for _, value in lines)

    async def watch(self, feed: ClientConnection) -> None:
        """Take in frames until cancelled or the feed ends."""
        async for text in feed:
            now_s = self._clock.monotonic_s()
            alert = _decoder.decode(text).alert
            if alert is None:
                continue
            awaited = self._awaited.pop((alert.device or "", alert.state), None)
            if awaited is not None and not awaited.done():
                awaited.set_result(Seen(now_s, alert.id, alert.version))


@asynccontextmanager
async def open_screen(port: int, token: str, clock: Clock) -> AsyncIterator[Screen]:
    """Log in to the console at `port` with `token` and watch its feed for as long as the body runs."""
    bearer = {"Authorization": f"Bearer {token}"}
    place = f"127.0.0.1:{port}"
    client = httpx.AsyncClient(
        base_url=f"http://{place}", headers=bearer, timeout=_TIMEOUT_S, trust_env=False
    )
    feed = connect(
        f"ws://{place}/api/v1/live", additional_headers=bearer, compression=None, max_size=None, proxy=None
    )
    async with client as http, feed as frames:
        screen = Screen(http, clock)
        watching = asyncio.create_task(screen.watch(frames), name="screen")
        try:
            yield screen
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
