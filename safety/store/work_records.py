"""Work records: what recorders noted of a visit, and how their segments hang together."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from safety.domain.recording_chain import Link, Segment, is_intact, links
from safety.rules.effects import KeepRecord
from safety.store.once import insert_once
from safety.store.queries import Listed, Page, read_page
from safety.store.tables import work_records

_ASKED_AT_ONCE = 400


class Recording(NamedTuple):
    """The segments of a visit, oldest first, with their links; `intact` is None where there is no chain."""

    segments: Sequence[Row[Any]]
    links: Sequence[Link]
    intact: bool | None


def store_records(connection: Connection, kept: Sequence[KeepRecord]) -> None:
    """Store `kept`; one that is there already stays as it is."""
    insert_once(connection, work_records, [_row(one) for one in kept])


def list_records(connection: Connection, visit: Row[Any], page: Page, kind: str | None = None) -> Listed:
    """Return what was noted of `visit`, oldest first; the key is (time_ms, id)."""
    statement = select(work_records).where(_of(visit))
    if kind is not None:
        statement = statement.where(work_records.c.kind == kind)
    return read_page(connection, statement, (work_records.c.time_ms, work_records.c.id), page)


def read_recording(connection: Connection, visit: Row[Any]) -> Recording:
    """Return what was recorded of `visit`, its chain looked at."""
    order = (work_records.c.time_ms, work_records.c.seq, work_records.c.id)
    wanted = select(work_records).where(_of(visit), work_records.c.kind == "segment").order_by(*order)
    rows = connection.execute(wanted).all()
    segments = [Segment(row.device, row.sha256, row.detail.get("previous_sha256")) for row in rows]
    found = links(segments, _known(connection, segments))
    return Recording(rows, found, is_intact(found))


def _row(kept: KeepRecord) -> dict[str, Any]:
    return {
        "id": kept.id,
        "org": kept.org,
        "nurse": kept.nurse,
        "device": kept.device,
        "visit": kept.visit,
        "kind": kept.kind,
        "time_ms": kept.time_ms,
        "received_ms": kept.received_ms,
        "seq": kept.seq,
        "sha256": kept.detail.get("sha256"),
        "detail": dict(kept.detail),
    }


def _of(visit: Row[Any]) -> ColumnElement[bool]:
    """Return the condition for records of `visit`: another nurse's recorder may name it, and not fill it."""
    nobodys = and_(work_records.c.nurse.is_(None), work_records.c.org == visit.org)
    return and_(work_records.c.visit == visit.id, or_(work_records.c.nurse == visit.nurse, nobodys))


def _known(connection: Connection, segments: Sequence[Segment]) -> set[tuple[str, str]]:
    """Return which of those that `segments` follow are stored, of whatever visit."""
    wanted = {(one.device, one.previous) for one in segments if one.previous is not None}
    by_device: dict[str, list[str]] = {}
    for device, previous in sorted(wanted):
        by_device.setdefault(device, []).append(previous)
    # Asked for pairs, SQLite reads all that was ever recorded.
    hashes = select(work_records.c.sha256)
    return {
        (device, sha256)
        for device, previous in by_device.items()
        for some in _slices(previous)
        for sha256 in connection.execute(
            hashes.where(work_records.c.device == device, work_records.c.sha256.in_(some))
        ).scalars()
    }


def _slices(wanted: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(wanted), _ASKED_AT_ONCE):
        yield wanted[start : start + _ASKED_AT_ONCE]
