"""The collector of garbage: what is there when a service is ready is never looked at again."""

import gc
from collections.abc import Iterator

import pytest

from safety import interpreter


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.enable()
    gc.unfreeze()


def test_what_is_there_is_left_out_and_all_is_looked_at_rarely() -> None:
    gc.unfreeze()
    lasting = [[number] for number in range(1_000)]
    before = gc.get_freeze_count()
    interpreter.settle()
    assert gc.get_freeze_count() >= before + len(lasting)
    young, middle, old = gc.get_threshold()
    assert young * middle * old >= 10_000_000
    assert gc.isenabled()


def test_nothing_is_looked_at_while_much_is_loaded() -> None:
    with interpreter.loading():
        assert not gc.isenabled()
        loaded = [[number] for number in range(1_000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= len(loaded)


def test_what_cannot_be_loaded_leaves_the_collector_on() -> None:
    with pytest.raises(ValueError, match="torn"), interpreter.loading():
        raise ValueError("torn")
    assert gc.isenabled()
