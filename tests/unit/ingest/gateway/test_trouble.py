"""Trouble at the door: senders that stall or go away, a registry that is out, a mailbox that fails."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import httpx
import pytest

from devices.commands import Command, CommandKind
from devices.errors import RegistryUnavailable
from devices.registry.port import Device
from ingest.gateway import body
from ingest.gateway.mailbox import ALL_KINDS
from tests.support.gateway import Door, basic, problem

PANIC = b'{"kind": "panic", "id": "a-1"}'


async def test_who_stalls_is_not_waited_for(
    door: Door, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "BODY_DEADLINE_S", 0.05)

    async def stalling() -> AsyncIterator[bytes]:
        yield PANIC[:10]
        await asyncio.Event().wait()

    problem(await client.post("/gateway/native/alarm", content=stalling(), headers=basic()), 408)
    assert door.counted("native", "slow") == 1
    assert await door.arrivals() == []


async def test_who_goes_away_half_way_has_said_nothing(door: Door) -> None:
    said: list[dict[str, Any]] = [
        {"type": "http.request", "body": PANIC[:10], "more_body": True},
        {"type": "http.disconnect"},
    ]
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return said.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/gateway/native/alarm",
        "query_string": b"",
        "headers": [(b"authorization", basic()["Authorization"].encode())],
        "client": ("198.51.100.7", 40_000),
    }
    await door.app(scope, receive, send)
    assert door.counted("native", "gone") == 1
    assert (await door.arrivals(), await door.letters()) == ([], [])
    assert door.prometheus.get_sample_value("vigil_gateway_requests_inside", {"urgency": "urgent"}) == 0


async def test_while_the_registry_is_out_nobody_is_told_that_they_are_wrong(
    door: Door, client: httpx.AsyncClient
) -> None:
    def out(device_id: str, secret: str) -> Device | None:
        raise RegistryUnavailable("locked")

    door.registry.authenticate = out  # type: ignore[method-assign]  # this registry is out
    answer = await client.post("/gateway/native/alarm", content=PANIC, headers=basic())
    problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert door.counted("native", "unavailable") == 1


class BrokenMailbox:
    """A mailbox whose store is out."""

    async def hand_out(
        self,
        device: str,
        *,
        kinds: Collection[CommandKind] = ALL_KINDS,
        alarms: Collection[str | None] = (),
        request: str | None = None,
    ) -> list[Command]:
        raise RuntimeError("the store is out")

    async def seen(self, device: str, ids: Sequence[str]) -> None:
        raise RuntimeError("the store is out")


async def test_what_is_durable_is_answered_200_though_the_mailbox_fails(
    door: Door, client: httpx.AsyncClient
) -> None:
    door.gateway._desk._mailbox = BrokenMailbox()
    answer = await client.post("/gateway/native/alarm?seen=c-1", content=PANIC, headers=basic())
    assert (answer.status_code, answer.json()["commands"]) == (200, [])
    assert len(await door.alarms()) == 1
