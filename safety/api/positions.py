"""Positions: where each nurse was last, and the track of one nurse."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Row

from devices.rfc3339 import rfc3339
from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.context import Services
from safety.api.paging import Moment, PageById, encode_cursor, page_by
from safety.api.people import Caller
from safety.errors import InvalidInput
from safety.store.audit import append_audit
from safety.store.place_queries import find_nurse, list_positions, read_track
from safety.store.queries import Listed, Page, Scope

router = APIRouter(tags=["places"])

_DEFAULT_TRACK_MS = 24 * 3600 * 1000


class GeoJsonAnswer(Answer):
    """A GeoJSON document."""

    media_type = "application/geo+json"


@router.get("/positions", response_model=schemas.Page[schemas.ListedPosition])
def positions(page: PageById, person: Caller, services: Services) -> Answer:
    """Return the last position of each nurse."""
    now_ms = services.clock.now_ms()
    with services.database.reading() as connection:
        listed = list_positions(connection, Scope(person.org), page)
    return list_answer(listed, lambda row: views.listed_position(row, now_ms))


@router.get("/nurses/{nurse}/track", response_model=schemas.Track)
def track(
    nurse: str,
    person: Caller,
    services: Services,
    page: Annotated[Page, Depends(page_by(int, str, most=10_000, default=10_000))],
    from_: Annotated[Moment | None, Query(alias="from", description="24 h before `to`")] = None,
    to: Annotated[Moment | None, Query(description="now")] = None,
) -> GeoJsonAnswer:
    """Return where a nurse was, as GeoJSON points; reading it is written to the audit trail."""
    now_ms = services.clock.now_ms()
    to_ms = now_ms + 1 if to is None else to
    from_ms = max(0, to_ms - _DEFAULT_TRACK_MS) if from_ is None else from_
    if from_ms > to_ms:
        raise InvalidInput("from: must not be after `to`", "from")
    # The record is durable before the first point leaves.
    with services.database.writing() as connection:
        org = find_nurse(connection, Scope(person.org), nurse).org
        append_audit(
            connection,
            actor=person.login,
            action="track_read",
            at_ms=now_ms,
            org=org,
            subject=nurse,
            detail={"from": rfc3339(from_ms), "to": rfc3339(to_ms)},
        )
    with services.database.reading() as connection:
        listed = read_track(connection, nurse, from_ms, to_ms, page)
    return _collection(listed)


def _collection(listed: Listed) -> GeoJsonAnswer:
    following = encode_cursor(listed.next) if listed.next is not None else None
    features = [_feature(row) for row in listed.rows]
    return GeoJsonAnswer({"type": "FeatureCollection", "features": features, "next": following})


def _feature(row: Row[Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [row.lon, row.lat]},
        "properties": {
            "nurse": row.nurse,
            "device": row.device,
            "visit": row.visit,
            "time": rfc3339(row.time_ms),
            "received_at": rfc3339(row.received_ms),
            "accuracy_m": row.accuracy_m,
        },
    }
