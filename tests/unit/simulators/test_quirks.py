"""What is wrong with a device, as its seed decides: said twice, out of order, at the wrong time, no more."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest

from devices.clock import ManualClock
from simulators.address import Broker
from simulators.device import Device
from simulators.dialects.native import NativeWords
from simulators.errors import LinkDown
from simulators.journal import Journal
from simulators.line import Line
from simulators.outbox import Letter
from simulators.payloads import Measured
from simulators.quirks import Quirks
from simulators.roster import Credentials
from simulators.speech import Speech
from tests.support.waiting import eventually

HERE = Measured(31.23, 121.46, 9.0)
MADE_MS = 1_750_000_000_000


class Wire:
    """A link that keeps what was said; it breaks when it is cut."""

    def __init__(self) -> None:
        self.said: list[Letter] = []
        self._broken = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        self._broken.clear()
        yield self

    def cut(self) -> None:
        self._broken.set()

    async def say(self, letter: Letter) -> list[bytes]:
        self.said.append(letter)
        return []

    async def listen(self) -> AsyncIterator[bytes]:
        await self._broken.wait()
        for command in list[bytes]():
            yield command
        raise LinkDown("cut")

    def seqs(self, channel: str) -> list[int]:
        return [each.seqs[0] for each in self.said if each.channel == channel]

    def payloads(self, channel: str) -> list[dict[str, Any]]:
        return [json.loads(each.payload) for each in self.said if each.channel == channel]


def device_on(wire: Wire, clock: ManualClock, quirks: Quirks, seed: int = 1) -> Device:
    speech = Speech(NativeWords(1), wire, is_answered=True)
    own = Credentials(id="dev_1", secret="s")
    return Device(own, Broker("nowhere", 1), clock, Random(seed), Journal(), quirks=quirks, speech=speech)


@asynccontextmanager
async def running(device: Device) -> AsyncIterator[None]:
    task = asyncio.ensure_future(device.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def said(quirks: Quirks, seed: int = 1, fixes: int = 40) -> Wire:
    wire = Wire()
    device = device_on(wire, ManualClock(MADE_MS), quirks, seed)
    async with running(device):
        await eventually(lambda: wire.seqs("status"), what="it is there")
        for _ in range(fixes):
            device.fix(HERE)
        await eventually(lambda: device.unsent == 0, what="all is said")
        device.alarm("panic")
        times = 2 if quirks.duplicates == 1 else 1
        await eventually(lambda: len(wire.seqs("alarm")) >= times, what="the alarm is said")
    return wire


async def test_a_perfect_device_says_each_thing_once_and_in_order() -> None:
    wire = await said(Quirks())
    assert wire.seqs("location") == sorted(set(wire.seqs("location")))
    assert len(wire.seqs("location")) == 40
    assert len(wire.seqs("alarm")) == 1


async def test_duplicates_are_the_same_message_again() -> None:
    wire = await said(Quirks(duplicates=1))
    assert len(wire.seqs("location")) == 80
    assert wire.seqs("location")[0::2] == wire.seqs("location")[1::2]
    assert [each.payload for each in wire.said if each.channel == "alarm"][0::2] == [
        each.payload for each in wire.said if each.channel == "alarm"
    ][1::2]
    some = await said(Quirks(duplicates=0.3))
    assert 40 < len(some.seqs("location")) < 64


async def test_what_is_reordered_comes_after_the_next_one_and_is_not_lost() -> None:
    wire = await said(Quirks(reordered=0.3))
    seqs = wire.seqs("location")
    late = [earlier for earlier, later in pairwise(seqs) if earlier > later]
    assert late
    assert len(seqs) in {39, 40}, "the last one may wait for a next one"
    assert all(abs(seq - place - seqs[0]) <= 2 for place, seq in enumerate(seqs))


async def test_the_same_seed_has_the_same_bad_luck() -> None:
    quirks = Quirks(duplicates=0.3, reordered=0.3)
    first, again, other = await said(quirks, 5), await said(quirks, 5), await said(quirks, 6)
    assert first.payloads("location") == again.payloads("location")
    assert first.payloads("status") == again.payloads("status")
    assert first.seqs("location") != other.seqs("location")


async def test_a_clock_that_is_wrong_is_wrong_in_everything_it_says() -> None:
    wire = await said(Quirks(clock_off_s=-90))
    assert wire.payloads("location")[0]["time"] == "2025-06-15T15:05:10.000Z"
    assert wire.payloads("alarm")[0]["time"] == "2025-06-15T15:05:10.000Z"


async def test_an_empty_battery_is_the_end() -> None:
    wire, clock = Wire(), ManualClock(MADE_MS)
    device = device_on(wire, clock, Quirks(battery_pct=1, drain_pct_per_min=30))
    async with running(device):
        await eventually(lambda: device.online, what="it is there")
        clock.advance_s(1)
        await eventually(lambda: device.battery_pct == 0.5, what="half of it is gone")
        clock.advance_s(1)
        await eventually(lambda: not device.online, what="it is dead")
        assert device.battery_pct == 0
        assert [entry.what for entry in device.journal][-2:] == ["died", "disconnected"]
        device.fix(HERE)
        assert (device.unsent, wire.seqs("location")) == (1, [])


@pytest.mark.parametrize("wrong", [{"duplicates": 1.1}, {"battery_pct": 101}, {"reorder": 0.1}])
def test_quirks_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Quirks)
