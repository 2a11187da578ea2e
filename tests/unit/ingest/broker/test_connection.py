"""Connection: what it does as time passes, seen from its transport."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from devices.clock import ManualClock
from devices.registry.memory import MemoryDeviceRegistry
from devices.registry.port import Device
from ingest.broker.connection import LOGIN_DEADLINE_S, LONGEST_SILENCE_S, Connection
from ingest.broker.guard import INGEST, Guard, Login
from ingest.broker.hub import Hub
from tests.support.raw_mqtt import connect, packet, publish
from tests.support.waiting import eventually


class Line(asyncio.Transport):
    """A transport that remembers what became of it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self._reading = True
        self.closing = False
        self._aborted = False

    def write(self, data: object) -> None:
        self.written += bytes(data)  # type: ignore[call-overload]  # whatever bytes there are

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True

    def is_reading(self) -> bool:
        return self._reading

    def was_aborted(self) -> bool:
        return self._aborted

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self._aborted = True


class Call:
    """One connection and everything around it."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        registry = MemoryDeviceRegistry()
        registry.add(Device(id="dev_a", kind="phone", org="org_1", nurse=None), "secret")
        self.clock = ManualClock()
        self.hub = Hub()
        guard = Guard(registry, "its own", self.clock, executor)
        self.ended = False
        self.line = Line()
        self.connection = Connection(self.hub, guard, self.clock, self._end)
        self.connection.connection_made(self.line)

    async def log_in(self, keep_alive_s: int = 60) -> None:
        self.connection.data_received(connect(b"c", b"dev_a", b"secret", keep_alive_s=keep_alive_s))
        await eventually(lambda: self.line.written == b"\x20\x02\0\0", what="the welcome")
        self.line.written = b""

    def pass_s(self, duration_s: float) -> None:
        self.clock.advance_s(duration_s)
        self.connection.check(self.clock.monotonic_s())

    def _end(self, _: Connection) -> None:
        self.ended = True


@pytest.fixture
def call() -> Iterator[Call]:
    with ThreadPoolExecutor(1) as executor:
        yield Call(executor)


async def test_a_login_that_drips_has_ten_seconds(call: Call) -> None:
    for byte in connect(b"c", b"dev_a", b"secret")[: int(LOGIN_DEADLINE_S)]:
        call.connection.data_received(bytes((byte,)))
        call.pass_s(1)
    assert not call.line.was_aborted()
    call.pass_s(0.1)
    assert call.line.was_aborted()


async def test_one_and_a_half_keep_alives_of_silence_end_it(call: Call) -> None:
    await call.log_in(keep_alive_s=60)
    call.pass_s(89)
    call.connection.data_received(packet(0xC0))
    assert call.line.written == b"\xd0\0"
    call.pass_s(89)
    assert not call.line.was_aborted()
    call.pass_s(2)
    assert call.line.was_aborted()


async def test_without_a_keep_alive_an_hour_does(call: Call) -> None:
    await call.log_in(keep_alive_s=0)
    call.pass_s(LONGEST_SILENCE_S)
    assert not call.line.was_aborted()
    call.pass_s(1)
    assert call.line.was_aborted()


async def test_silence_that_is_ours_counts_for_nothing(call: Call) -> None:
    await call.log_in()
    sent = [publish(b"vigil/v1/dev_a/location", b"%d" % n, n + 1) for n in range(300)]
    call.connection.data_received(b"".join(sent))
    assert not call.line.is_reading()
    call.pass_s(1000)
    assert not call.line.was_aborted()
    reader, _ = call.hub.open(Login(INGEST), "r", clean=False)
    call.hub.subscribe(reader, "#", 1)
    assert reader.backlog == 256


async def test_who_reads_no_answers_is_not_read_and_then_ended(call: Call) -> None:
    await call.log_in(keep_alive_s=10)
    call.connection.pause_writing()
    assert not call.line.is_reading()
    call.connection.resume_writing()
    assert call.line.is_reading()
    call.connection.pause_writing()
    call.pass_s(16)
    assert call.line.was_aborted()


async def test_who_does_not_let_itself_be_closed_is_cut_off(call: Call) -> None:
    await call.log_in()
    call.connection.data_received(packet(0xF0))
    assert (call.line.closing, call.line.was_aborted()) == (True, False)
    call.pass_s(1)
    assert not call.line.was_aborted()
    call.pass_s(1)
    assert call.line.was_aborted()
    call.connection.connection_lost(None)
    assert call.ended
