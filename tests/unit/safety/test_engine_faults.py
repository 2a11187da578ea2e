"""A record or a nurse that no rule can take costs nobody else anything."""

from typing import Any

import msgspec
import pytest

from ingest.lanes import TELEMETRY
from ingest.records import Arrival
from safety.engine import AFTER_FAULT_MS, engine_for
from safety.rules import nurse
from safety.rules.effects import Effect, RaiseAlert
from safety.rules.nurse_state import NurseState
from tests.support.records import PLAN, T0_MS, fix, tick

BAD, GOOD = "nur_bad", "nur_good"
END_S = 1_200


def of(key: str, record: Any) -> Any:
    """The record of another nurse."""
    if isinstance(record, Arrival):
        return msgspec.structs.replace(record, nurse=key, device=f"dev_{key}")
    devices = (msgspec.structs.replace(record.devices[0], id=f"dev_{key}"),)
    visits = tuple(msgspec.structs.replace(visit, id=f"vis_{key}") for visit in record.visits)
    return msgspec.structs.replace(record, nurse=key, devices=devices, visits=visits)


def day() -> list[Any]:
    """Both are heard once, and then never again."""
    log: list[Any] = [tick(0)]
    for key in (BAD, GOOD):
        log += [of(key, PLAN), of(key, fix(10, 5))]
    return log + [tick(second) for second in range(11, END_S, 5)]


def raised(effects: list[Effect]) -> dict[str | None, int]:
    found: dict[str | None, int] = {}
    for effect in effects:
        if isinstance(effect, RaiseAlert):
            found[effect.nurse] = found.get(effect.nurse, 0) + 1
    return found


def test_a_nurse_whose_rules_fail_costs_nobody_elses_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = raised(engine_for(TELEMETRY).run(day(), lambda index, error: pytest.fail(str(error))))
    assert expected[GOOD] == expected[BAD] > 0
    on_tick = nurse.on_tick
    fails_until_ms = T0_MS + 1_000_000

    def breaking(state: NurseState, now_ms: int, resumed_ms: int) -> list[Effect]:
        if state.plan.nurse == BAD and now_ms < fails_until_ms:
            raise ValueError("a rule is broken")
        return on_tick(state, now_ms, resumed_ms)

    monkeypatch.setattr(nurse, "on_tick", breaking)
    faults: list[Exception] = []
    found = raised(engine_for(TELEMETRY).run(day(), lambda index, error: faults.append(error)))
    assert found == expected
    assert 2 <= len(faults) <= 1 + (END_S * 1000) // AFTER_FAULT_MS


def test_a_record_that_fails_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    step = nurse.step

    def breaking(state: NurseState, *rest: Any) -> list[Effect]:
        if state.plan.nurse == BAD:
            raise ValueError("a rule is broken")
        return step(state, *rest)

    monkeypatch.setattr(nurse, "step", breaking)
    faults: list[int] = []
    engine_for(TELEMETRY).run(day(), lambda index, error: faults.append(index))
    assert faults == [2]
