"""Work records: what was done and recorded during a visit."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Row

from devices.rfc3339 import rfc3339
from safety.api import schemas
from safety.api.answers import Answer, list_answer
from safety.api.context import Context, Services
from safety.api.paging import PageByTime
from safety.api.people import Caller
from safety.rules.effects import RecordKind
from safety.store import work_records as store
from safety.store.audit import append_audit
from safety.store.master_queries import read_master
from safety.store.queries import Scope
from safety.store.sessions import Person
from safety.store.tables import visits

router = APIRouter(tags=["records"])


@router.get("/visits/{visit}/records", response_model=schemas.Page[schemas.WorkRecord])
def records(
    visit: str,
    page: PageByTime,
    person: Caller,
    services: Services,
    kind: Annotated[RecordKind | None, Query(description="of one kind only")] = None,
) -> Answer:
    """Return what recorders noted of a visit, oldest first; the reading is recorded."""
    planned = _visit(visit, person, services, "records_read")
    with services.database.reading() as connection:
        listed = store.list_records(connection, planned, page, kind)
    return list_answer(listed, record)


@router.get("/visits/{visit}/recordings", response_model=schemas.Recording)
def recordings(visit: str, person: Caller, services: Services) -> Answer:
    """Return the manifest of what was recorded of a visit, its chain verified; the reading is recorded."""
    planned = _visit(visit, person, services, "recordings_read")
    with services.database.reading() as connection:
        found = store.read_recording(connection, planned)
    segments = [{**record(row), "link": link} for row, link in zip(found.segments, found.links, strict=True)]
    return Answer(
        {
            "visit": visit,
            "intact": found.intact,
            "duration_s": sum(one["duration_s"] for one in segments),
            "bytes": sum(one["bytes"] for one in segments),
            "segments": segments,
        }
    )


def _visit(visit: str, person: Person, services: Context, action: str) -> Row[Any]:
    """Return the visit; that its records are read is durable before the first of them leaves."""
    with services.database.writing() as connection:
        planned = read_master(connection, Scope(person.org), visits, visit)
        append_audit(
            connection,
            actor=person.login,
            action=action,
            at_ms=services.clock.now_ms(),
            org=planned.org,
            subject=visit,
        )
    return planned


def record(row: Row[Any]) -> dict[str, Any]:
    """Return a record as it is answered."""
    return {
        "id": row.id,
        "kind": row.kind,
        "visit": row.visit,
        "device": row.device,
        "at": rfc3339(row.time_ms),
        "received_at": rfc3339(row.received_ms),
        "seq": row.seq,
        "sha256": row.sha256,
        "previous_sha256": row.detail.get("previous_sha256"),
        "duration_s": row.detail.get("duration_s"),
        "bytes": row.detail.get("size_bytes"),
        "uri": row.detail.get("uri"),
        "code": row.detail.get("code"),
        "item": row.detail.get("item"),
        "quantity": row.detail.get("quantity"),
        "unit": row.detail.get("unit"),
        "score": row.detail.get("score"),
    }
