"""Records: what could not be read (dead letters), and who did what (the audit trail)."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import Row

from devices.rfc3339 import rfc3339
from safety.api import schemas
from safety.api.answers import Answer, list_answer
from safety.api.context import Services
from safety.api.paging import Moment, PageBySeq
from safety.api.people import Auditor, Editor, Seen
from safety.store.record_queries import AuditFilter, list_audit, list_dead_letters, read_dead_letter

router = APIRouter(tags=["records"])


@router.get("/dead-letters", response_model=schemas.Page[schemas.DeadLetter])
def dead_letters(
    page: PageBySeq,
    _person: Editor,
    scope: Seen,
    services: Services,
    reason: str | None = None,
    device: str | None = None,
) -> Answer:
    """Return what came in and could not be read, newest first, with the start of each payload."""
    with services.database.reading() as connection:
        listed = list_dead_letters(connection, scope, page, reason=reason, device=device)
    return list_answer(listed, _excerpt)


@router.get("/dead-letters/{letter}", response_model=schemas.WholeDeadLetter)
def dead_letter(letter: str, _person: Editor, scope: Seen, services: Services) -> Answer:
    """Return one dead letter with its whole payload in base64."""
    with services.database.reading() as connection:
        row = read_dead_letter(connection, scope, letter)
    payload = base64.b64encode(row.payload).decode()
    return Answer({**_head(row), "payload_bytes": len(row.payload), "payload_base64": payload})


def _head(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": rfc3339(row.at_ms),
        "topic": row.topic,
        "device": row.device,
        "org": row.org,
        "reason": row.reason,
        "explanation": row.explanation,
        "field": row.field,
    }


def _excerpt(row: Row[Any]) -> dict[str, Any]:
    # The beginning of an empty payload is NULL to SQLite.
    text = bytes(row.excerpt or b"").decode(errors="replace")
    return {**_head(row), "payload": text, "payload_bytes": row.payload_bytes}


def _filter(
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    since: Moment | None = None,
) -> AuditFilter:
    return AuditFilter(actor, action, subject, since)


@router.get("/audit", response_model=schemas.Page[schemas.AuditRecord])
def audit(
    wanted: Annotated[AuditFilter, Depends(_filter)],
    page: PageBySeq,
    _person: Auditor,
    scope: Seen,
    services: Services,
) -> Answer:
    """Return the audit trail, newest first."""
    with services.database.reading() as connection:
        return list_answer(list_audit(connection, scope, wanted, page), _record)


def _record(row: Row[Any]) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "at": rfc3339(row.at_ms),
        "actor": row.actor,
        "org": row.org,
        "action": row.action,
        "subject": row.subject,
        "detail": row.detail,
        "hash": row.hash,
        "previous_hash": row.previous_hash,
    }
