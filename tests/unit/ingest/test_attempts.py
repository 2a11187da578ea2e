"""LoginAttempts: ten failures a minute for each name and address."""

from devices.clock import ManualClock
from ingest.attempts import FAILURES_PER_MINUTE, LoginAttempts


def test_failures_exhaust_one_name_at_one_address_for_a_minute() -> None:
    clock = ManualClock()
    attempts = LoginAttempts(clock)
    for _ in range(FAILURES_PER_MINUTE):
        assert not attempts.exhausted("dev_a", "10.0.0.1")
        attempts.failed("dev_a", "10.0.0.1")
    assert attempts.exhausted("dev_a", "10.0.0.1")
    assert not attempts.exhausted("dev_a", "10.0.0.2")
    assert not attempts.exhausted("dev_b", "10.0.0.1")
    clock.advance_s(60)
    assert not attempts.exhausted("dev_a", "10.0.0.1")


def test_guessed_names_do_not_fill_the_memory() -> None:
    attempts = LoginAttempts(ManualClock())
    for number in range(120_000):
        attempts.exhausted(f"dev_{number}", "10.0.0.1")
        attempts.failed(f"dev_{number}", "10.0.0.1")
    assert len(attempts._failures) <= 50_001
