"""The clock that processes share: the store's time of day, and what becomes of it while nobody answers."""

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from devices.clock import ManualClock
from safety.shared_clock import LOOK_EVERY_S, Look, SharedClock
from tests.support.waiting import eventually

HOUR_MS = 3_600_000


class Store:
    """A store whose time is `ahead_ms` of the machine's, and whose answer takes `way_s`."""

    def __init__(self, own: ManualClock) -> None:
        self.own = own
        self.ahead_ms = 0
        self.way_s = 0.0
        self.is_away = False
        self.asked = 0

    async def ask(self) -> Look:
        self.asked += 1
        if self.is_away:
            raise OperationalError("SELECT", None, Exception("gone"))
        asked_s = self.own.monotonic_s()
        return Look(self.own.now_ms() + self.ahead_ms, asked_s - self.way_s, asked_s + self.way_s)


@pytest.fixture
def own() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(own: ManualClock) -> Store:
    return Store(own)


async def test_the_time_of_day_is_the_store_s(own: ManualClock, store: Store) -> None:
    clock = SharedClock(own, store.ask)
    assert clock.now_ms() == own.now_ms()
    store.ahead_ms = HOUR_MS
    await clock.look()
    assert clock.now_ms() == own.now_ms() + HOUR_MS
    own.advance_s(7)
    assert clock.now_ms() == own.now_ms() + HOUR_MS
    assert clock.monotonic_s() == own.monotonic_s() == 7


async def test_what_could_be_the_answer_s_way_is_left(own: ManualClock, store: Store) -> None:
    clock = SharedClock(own, store.ask)
    await clock.look()
    store.ahead_ms, store.way_s = 40, 0.05
    await clock.look()
    assert clock.now_ms() == own.now_ms()
    store.way_s = 0.03
    await clock.look()
    assert clock.now_ms() == own.now_ms() + 40


async def test_a_machine_that_is_set_to_another_time_goes_on_with_the_store_s(
    own: ManualClock, store: Store
) -> None:
    class Set(ManualClock):
        step_ms = 0

        def now_ms(self) -> int:
            return super().now_ms() + self.step_ms

    stepped = Set()
    clock = SharedClock(stepped, Store(stepped).ask)
    await clock.look()
    before_ms = clock.now_ms()
    stepped.step_ms = -HOUR_MS
    stepped.advance_s(1)
    assert clock.now_ms() == before_ms + 1000


async def test_it_looks_again_and_goes_on_alone_while_the_store_is_away(
    own: ManualClock, store: Store
) -> None:
    clock = SharedClock(own, store.ask)
    await clock.look()
    running = asyncio.create_task(clock.run())

    async def looked(times: int) -> None:
        def stepped() -> bool:
            if store.asked < times:
                own.advance_s(LOOK_EVERY_S)
            return store.asked >= times

        await eventually(stepped, what="it has looked")

    store.is_away = True
    await looked(3)
    assert clock.now_ms() == own.now_ms()
    store.is_away, store.ahead_ms = False, HOUR_MS
    await looked(store.asked + 1)
    await eventually(lambda: clock.now_ms() == own.now_ms() + HOUR_MS, what="it knows")
    running.cancel()
