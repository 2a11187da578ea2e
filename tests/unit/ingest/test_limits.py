"""Limits: a bucket gives what came in, and no more than that."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.limits import BURST_S, Bucket, Budget, Budgets, Limits, is_urgent

RATE = 10.0
BURST = 50.0


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_more_passes_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    bucket, now_s, passed = Bucket(RATE, BURST, 0), 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        while not bucket.wait_s(now_s):
            bucket.take(1, now_s)
            passed += 1
    assert passed <= BURST + RATE * now_s + 1


@given(st.floats(0, 1000), st.floats(0, 100))
def test_after_the_wait_something_passes(taken: float, now_s: float) -> None:
    bucket = Bucket(RATE, BURST, 0)
    bucket.take(taken, now_s)
    assert not bucket.wait_s(now_s + bucket.wait_s(now_s) + 1e-6)
    assert bucket.wait_s(now_s) <= BURST / RATE + 0.01, "no debt is endless"


def test_locations_use_up_nothing_of_the_alarms() -> None:
    budget = Budget(Limits(messages_per_s=1), 0)
    for _ in range(1000):
        budget.take(100, 0)
    assert budget.wait_s(0) > 0
    assert budget.urgent_wait_s(0) == 0


def test_a_gateway_has_the_budget_of_many() -> None:
    phone, gateway = Budget(Limits(), 0), Budget(Limits(), 0, is_gateway=True)
    for _ in range(int(Limits().messages_per_s * BURST_S)):
        phone.take(10, 0)
        gateway.take(10, 0)
    assert phone.wait_s(0) > 0
    assert gateway.wait_s(0) == 0


def test_who_is_quiet_is_forgotten_and_who_owes_is_not() -> None:
    budgets = Budgets(Limits(messages_per_s=1))
    owing = budgets.of("dev_a", 0)
    for _ in range(60):
        owing.take(1, 0)
    quiet = budgets.of("dev_b", 0)
    budgets.forget(1)
    assert budgets.of("dev_a", 1) is owing
    assert budgets.of("dev_b", 1) is not quiet


def test_what_is_urgent() -> None:
    assert is_urgent("vigil/v1/dev_a/alarm")
    assert is_urgent("vigil/v1/dev_a/event")
    assert not is_urgent("vigil/v1/dev_a/location")
    assert not is_urgent("owntracks/dev_a/phone")
