"""Guard: a login is its name and its secret, and lasts only as long as both hold."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from devices.clock import ManualClock
from devices.registry.memory import MemoryDeviceRegistry
from devices.registry.port import Device
from ingest.broker.guard import INGEST, Guard, Login, LoginRefused, TooManyFailures

PHONE = Device(id="dev_a", kind="phone", org="org_1", nurse="nur_1")


class Changing(MemoryDeviceRegistry):
    """Tells that something changed once it was told so."""

    changed = False

    def refresh(self) -> bool:
        changed, self.changed = self.changed, False
        return changed


@pytest.fixture
def registry() -> Changing:
    registry = Changing()
    registry.add(PHONE, "secret")
    return registry


@pytest.fixture
def guard(registry: Changing) -> Iterator[Guard]:
    with ThreadPoolExecutor(1) as executor:
        yield Guard(registry, "ingest's own", ManualClock(), executor)


async def test_a_device_and_ingest_log_in(guard: Guard) -> None:
    assert (await guard.login("dev_a", b"secret", "here")).name == "dev_a"
    assert (await guard.login(INGEST, b"ingest's own", "here")).is_ingest


@pytest.mark.parametrize(
    ("user", "secret"),
    [
        (None, None),
        ("dev_a", None),
        ("dev_a", b""),
        ("dev_a", b"secret "),
        ("dev_a", b"\xff"),
        ("", b"secret"),
        ("dev_x", b"secret"),
        (INGEST, b"secret"),
        ("a/b", b"secret"),
        ("+", b"secret"),
    ],
)
async def test_who_proves_nothing_is_refused(guard: Guard, user: str | None, secret: bytes | None) -> None:
    with pytest.raises(LoginRefused):
        await guard.login(user, secret, "here")


async def test_after_too_many_failures_only_who_is_right_is_let_in(guard: Guard) -> None:
    for _ in range(10):
        with pytest.raises(LoginRefused):
            await guard.login("dev_a", b"guess", "here")
    with pytest.raises(TooManyFailures):
        await guard.login("dev_a", b"guess", "here")
    assert (await guard.login("dev_a", b"secret", "here")).name == "dev_a"
    with pytest.raises(LoginRefused) as elsewhere:
        await guard.login("dev_a", b"guess", "there")
    assert not isinstance(elsewhere.value, TooManyFailures)


async def test_a_rotated_secret_ends_the_login(guard: Guard, registry: Changing) -> None:
    login = await guard.login("dev_a", b"secret", "here")
    ingest = await guard.login(INGEST, b"ingest's own", "here")
    assert await guard.no_longer({login, ingest}) == set()
    registry.add(PHONE, "another")
    assert await guard.no_longer({login, ingest}) == set(), "nobody said that anything changed"
    registry.changed = True
    assert await guard.no_longer({login, ingest}) == {login}


async def test_a_login_proved_during_the_change_is_looked_at_again(guard: Guard, registry: Changing) -> None:
    login = await guard.login("dev_a", b"secret", "here")
    registry.add(PHONE, "another")
    assert await guard.no_longer({login}) == {login}


@pytest.mark.parametrize(
    ("topic", "may"),
    [
        ("vigil/v1/dev_a/alarm", True),
        ("vigil/v1/dev_a/down", False),
        ("vigil/v1/dev_b/alarm", False),
        ("vigil/v1/dev_a/alarm/more", False),
        ("$vigil/refused/dev_a/x", False),
    ],
)
def test_a_device_publishes_only_as_itself(topic: str, may: bool) -> None:
    assert Login("dev_a").may_publish(topic) is may
    assert Login(INGEST).may_publish(topic)


@pytest.mark.parametrize("wanted", ["vigil/v1/dev_b/down", "vigil/v1/+/down", "#", "vigil/v1/dev_a/alarm"])
def test_a_device_hears_only_its_own_down(wanted: str) -> None:
    assert Login("dev_a").may_subscribe("vigil/v1/dev_a/down")
    assert not Login("dev_a").may_subscribe(wanted)
    assert Login(INGEST).may_subscribe(wanted)
