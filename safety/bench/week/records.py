"""Records of a week: what recorders noted, who did what, and what could not be read."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from devices.identity import derived_id
from safety.bench.week.alerts import Alert, dispatcher
from safety.bench.week.bulk import fill
from safety.bench.week.people import People
from safety.bench.week.plan import Visit
from safety.bench.week.size import HOUR_MS, MINUTE_MS, NOW_MS, Size
from safety.store.audit import Deed, append_deeds
from safety.store.tables import dead_letters, work_records

_SEGMENTS = 12  # of five minutes each
_STEPS = ("greeting", "blood_pressure", "dressing")
_DEEDS_AT_ONCE = 2_000
_LETTERS_A_DAY = 300
_READ_EVERY = 200  # visits, one of whose tracks or records somebody read


def store_records(connection: Connection, planned: list[Visit]) -> int:
    """Store what was recorded of the visits that are over; return how many rows."""
    return fill(connection, work_records, _records(planned))


def store_audit(connection: Connection, people: People, planned: list[Visit], made: list[Alert]) -> int:
    """Append who planned and read what, chained as it must be; return how many records."""
    deeds = iter(sorted(_deeds(people, planned, made), key=lambda deed: deed.at_ms))
    count = 0
    while some := list(islice(deeds, _DEEDS_AT_ONCE)):
        count = append_deeds(connection, some)
    return count


def store_letters(connection: Connection, size: Size, people: People) -> int:
    """Store what could not be read; return how many."""
    return fill(connection, dead_letters, _letters(size, people))


def _records(planned: list[Visit]) -> Iterator[dict[str, Any]]:
    for visit in planned:
        recorder = visit.nurse.recorder
        if recorder is None or visit.ends_ms > NOW_MS:
            continue
        previous: str | None = None
        for number, (kind, noted) in enumerate(_noted()):
            detail = noted
            sha256: str | None = None
            if kind == "segment":
                sha256 = (derived_id(visit.id, str(number)) * 2).replace("-", "")
                follows: dict[str, str] = {} if previous is None else {"previous_sha256": previous}
                previous, detail = sha256, {**noted, "sha256": sha256, **follows}
            time_ms = visit.starts_ms + (number + 1) * 3 * MINUTE_MS
            yield {
                "id": derived_id("record", visit.id, str(number)),
                "org": visit.nurse.org,
                "nurse": visit.nurse.id,
                "device": recorder,
                "visit": visit.id,
                "kind": kind,
                "time_ms": time_ms,
                "received_ms": time_ms + 500,
                "seq": time_ms // 1000,
                "sha256": sha256,
                "detail": detail,
            }


def _noted() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "recording_started", {}
    uri = "https://records.example.org/segments"
    for number in range(_SEGMENTS):
        yield "segment", {"duration_s": 300.0, "size_bytes": 1_200_000, "uri": f"{uri}/{number}"}
    for step in _STEPS:
        yield "step", {"code": step}
    yield "consumable", {"item": "gauze", "quantity": 2.0, "unit": "piece"}
    yield "recording_stopped", {}


def _deeds(people: People, planned: list[Visit], made: list[Alert]) -> Iterator[Deed]:
    for number, visit in enumerate(planned):
        nurse = visit.nurse
        at_ms = min(visit.starts_ms - 12 * HOUR_MS, NOW_MS)
        yield Deed("planner", "visit_added", at_ms, nurse.org, visit.id, {"nurse": nurse.id})
        if number % _READ_EVERY == 0 and visit.ends_ms < NOW_MS:
            said = {"from": "2026-11-22T00:00:00.000Z", "to": "2026-11-22T09:00:00.000Z"}
            yield Deed(dispatcher(number), "track_read", visit.ends_ms, nurse.org, nurse.id, said)
    for number, alert in enumerate(made):
        if number % 10 == 0:
            who = dispatcher(number)
            yield Deed(who, "login", alert.at_ms, people.top, who, {"address": "192.0.2.7"})


def _letters(size: Size, people: People) -> Iterator[dict[str, Any]]:
    for number in range(size.days * _LETTERS_A_DAY):
        nurse = people.nurses[number * 7 % len(people.nurses)]
        yield {
            "id": derived_id("letter", str(number)),
            "at_ms": size.day_ms(1 - size.days) + number * MINUTE_MS,
            "topic": f"vigil/v1/d/{nurse.phone}/fix",
            "device": nurse.phone,
            "org": nurse.org,
            "reason": "invalid_payload" if number % 3 else "unknown_field",
            "explanation": "the payload is not what this topic carries",
            "field": "lat" if number % 3 else None,
            "payload": b'{"lat": 412.0, "lon": 121.4, "t": 1795417200}',
        }
