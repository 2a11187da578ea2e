"""Expectations: whether an alert or a command came, in time and as often as it should."""

from devices.clock import Clock
from simulators.api import Alert
from simulators.journal import Entry, Journal
from simulators.junit import Verdict
from simulators.scenario import Expectation, seconds
from simulators.stage import LOOK_EVERY_S, Stage

_MISSING = object()


class Checker:
    """Checks expectations against the API and against what devices heard."""

    def __init__(self, stage: Stage, journal: Journal, clock: Clock) -> None:
        self._stage, self._journal, self._clock = stage, journal, clock

    async def check(self, expected: Expectation, from_ms: int) -> Verdict:
        """Wait until `expected` holds, at most as long as it says, counted from `from_ms`.

        One with `exactly` is watched: too many are too many at once, too few only when time is up, and
        none at all (`exactly: 0`) means that the whole time is waited for.
        """
        deadline_ms = from_ms + round(seconds(expected.within) * 1000)
        while True:
            count = await self._count(expected, from_ms)
            now_ms = self._clock.now_ms()
            enough = count >= _least(expected) > 0
            if enough or now_ms >= deadline_ms or _too_many(expected, count):
                break
            await self._clock.sleep_s(min(LOOK_EVERY_S, max(0.001, (deadline_ms - now_ms) / 1000)))
        took_s = max(0.0, (now_ms - from_ms) / 1000)
        return Verdict(describe(expected), took_s, _fault(expected, count))

    async def check_again(self, expected: Expectation, from_ms: int, verdict: Verdict) -> Verdict:
        """Count once more at the end: what was right in time may have become too many.

        Fewer are no fault: an alert that was raised, as asked, is another state's by then. Nor are more where
        none was right: none in that time is all that was asked.
        """
        if verdict.fault is not None or not expected.exactly:
            return verdict
        count = await self._count(expected, from_ms, fresh=True)
        fault = f"in the end {count} instead of {expected.exactly}" if _too_many(expected, count) else None
        return verdict._replace(fault=fault)

    async def _count(self, expected: Expectation, from_ms: int, *, fresh: bool = False) -> int:
        named = expected.device
        actors = list(self._stage.actors.values()) if named is None else [self._stage.actors[named]]
        if expected.down is not None:
            devices = {actor.device for actor in actors}
            return sum(_is_command(entry, devices, expected, from_ms) for entry in self._journal)
        kind = expected.alert or ""
        found = [each for actor in actors for each in await self._stage.alerts(kind, actor, fresh=fresh)]
        return sum(_fits(alert, expected) for alert in found)


def describe(expected: Expectation) -> str:
    """Return the expectation as one reads it, e.g. `alert panic of anna within 2s, exactly 1`."""
    what = f"alert {expected.alert}" if expected.alert is not None else f"down {expected.down}"
    whose = f" {'of' if expected.alert else 'at'} {expected.device}" if expected.device else ""
    whose = f"{what}{whose} within {expected.within}"
    where = "".join(f", {key} {value}" for key, value in expected.where.items())
    if expected.exactly is not None:
        return f"{whose}{where}, exactly {expected.exactly}"
    return f"{whose}{where}" + (f", at least {expected.at_least}" if expected.at_least > 1 else "")


def _least(expected: Expectation) -> int:
    return expected.at_least if expected.exactly is None else expected.exactly


def _too_many(expected: Expectation, count: int) -> bool:
    return expected.exactly is not None and count > expected.exactly


def _fault(expected: Expectation, count: int) -> str | None:
    if count < _least(expected) or _too_many(expected, count):
        wanted = str(expected.exactly) if expected.exactly is not None else f"at least {expected.at_least}"
        return f"there were {count} instead of {wanted} within {expected.within}"
    return None


def _is_command(entry: Entry, devices: set[str], expected: Expectation, from_ms: int) -> bool:
    return (
        entry.what == "heard"
        and entry.device in devices
        and entry.kind == expected.down
        and entry.at_ms >= from_ms
    )


def _fits(alert: Alert, expected: Expectation) -> bool:
    return all(_found(alert, key) == value for key, value in expected.where.items())


def _found(alert: Alert, key: str) -> object:
    """Return a field; `position.source` is one inside another."""
    found: object = alert
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return _MISSING
        found = found[part]
    return found
