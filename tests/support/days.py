"""Days of a nurse, for the tests of rules: run records through the engine and ask what came of them."""

from typing import Any

import msgspec

from devices import reports
from ingest.records import Arrival
from safety.domain.plan import NursePlan
from safety.engine import TelemetryEngine
from safety.rules.effects import Effect, NoteAlert, RaiseAlert, TellDevice
from tests.support.records import PLAN, VISIT, arrival, at

replace = msgspec.structs.replace


def plan_of(*, limits: dict[str, Any] | None = None, **visit: Any) -> NursePlan:
    """The usual plan with one visit changed as `visit` says, and the limits of her organisation."""
    return replace(PLAN, visits=(replace(VISIT, **visit),), limits=limits or {})


def run(*records: Any) -> list[Effect]:
    """Return all effects of a fresh engine."""
    engine = TelemetryEngine()
    return [effect for record in records for effect in engine.step(record)]


def raised(kind: str, *records: Any) -> list[RaiseAlert]:
    """Return the alerts of that kind."""
    return [e for e in run(*records) if isinstance(e, RaiseAlert) and e.kind == kind]


def told(*records: Any) -> list[TellDevice]:
    """Return what devices were to be told."""
    return [effect for effect in run(*records) if isinstance(effect, TellDevice)]


def noted(kind: str, *records: Any) -> list[str]:
    """Return what was noted on the alerts of that kind."""
    effects = run(*records)
    ids = {e.id for e in effects if isinstance(e, RaiseAlert) and e.kind == kind}
    return [e.what for e in effects if isinstance(e, NoteAlert) and e.alert in ids]


def status(seconds: float, device: str = "dev_1", told_s: float | None = None, **fields: Any) -> Arrival:
    """A status of a device, `seconds` into the visit; by its own clock at `told_s`."""
    time_ms = at(seconds if told_s is None else told_s)
    return arrival(reports.StatusReported(time_ms=time_ms, **fields), seconds, device)
