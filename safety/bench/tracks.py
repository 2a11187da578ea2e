"""Tracks: recordings of real phones, scored as simulated visits are; what was true is known only if told."""

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from devices.rfc3339 import rfc3339
from safety.bench.quality import RULES, rows_of_rule
from safety.bench.recording import Crossing, Edge, Outing, Reading, Recording
from safety.bench.report import Row, report, row
from safety.bench.score import Score, score
from safety.bench.track_files import moment_ms, read_track
from safety.domain.fence import Circle, shape_of
from safety.domain.fence_import import parse_fences
from safety.domain.plan import FencePlan, VisitPlan
from safety.errors import InvalidInput

SLACK_MS = 30_000
"""Who writes down when she left is not exact: an exit may be told so long before that."""

EVERYWHERE_M = 100_000_000.0
"""The radius of a visit whose ground is given by fences instead."""


class Union:
    """Several fences as one piece of ground."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        self._edges = edges

    def outside_by_m(self, lat: float, lon: float) -> float:
        return min(edge.outside_by_m(lat, lon) for edge in self._edges)


class Ground:
    """Where she should stay: a circle around an address, or the fences of a GeoJSON file."""

    def __init__(self, lat: float, lon: float, radius_m: float, fences: tuple[FencePlan, ...] = ()) -> None:
        self.lat, self.lon, self.radius_m, self.fences = lat, lon, radius_m, fences
        self.edge: Edge = Union([shape_of(f) for f in fences]) if fences else Circle(lat, lon, radius_m)


def read_ground(path: Path) -> Ground:
    """Return the ground that the fences in a GeoJSON file make together.

    Raises:
        InvalidInput: the file is no fence; says where and why.
    """
    try:
        drafts = parse_fences(path.read_bytes(), mode="stay_in", name=path.stem)
    except InvalidInput as error:
        raise InvalidInput(f"{path.name}: {error}") from error
    fences = tuple(
        FencePlan(id=f"fen_{number}", mode=draft.mode, geometry=draft.geometry, radius_m=draft.radius_m)
        for number, draft in enumerate(drafts)
    )
    return Ground(0.0, 0.0, EVERYWHERE_M, fences)


def parse_outing(text: str) -> Outing:
    """Return the time outside that `text` tells: `FROM/TO` as RFC 3339, without TO up to the end.

    Raises:
        InvalidInput: it is no such thing.
    """
    left, parted, back = text.partition("/")
    if not parted:
        raise InvalidInput(f"{text[:80]!r} is no time outside: expected FROM/TO or FROM/")
    left_ms = moment_ms(left, "from")
    back_ms = moment_ms(back, "to") if back else None
    if back_ms is not None and back_ms <= left_ms:
        raise InvalidInput(f"{text[:80]!r} ends before it begins")
    return Outing(left_ms - SLACK_MS, left_ms, back_ms)


def measure_tracks(paths: Sequence[Path], ground: Ground, outings: Sequence[Outing]) -> dict[str, Any]:
    """Score every rule on the tracks in these files, and return the report.

    With `outings` they hold for all tracks, each within its own time; without, exits are only counted.

    Raises:
        InvalidInput: a file cannot be used, or an outing lies in none of the tracks; says which and why.
    """
    tracks = {path.name: read_track(path) for path in paths}
    _check(outings, list(tracks.values()))
    recordings = [
        recording_of(number, readings, ground, outings) for number, readings in enumerate(tracks.values())
    ]
    totals: dict[str, Score] = {}
    for rule_name, rule in RULES.items():
        totals[rule_name] = Score()
        for track, recording, said in zip(tracks, recordings, rule(recordings), strict=True):
            totals[rule_name] += score(recording, said)
            _tell(f"{rule_name}, {track}", said)
    return report("quality", _rows(totals, labelled=bool(outings)))


def recording_of(
    number: int, readings: tuple[Reading, ...], ground: Ground, outings: Sequence[Outing]
) -> Recording:
    """Return a track as one visit from its first to its last point."""
    first_ms = min(reading.time_ms for reading in readings)
    last_ms = max(reading.received_ms for reading in readings)
    arrived_ms = (r.received_ms for r in readings if ground.edge.outside_by_m(r.lat, r.lon) <= 0)
    visit = VisitPlan(
        id=f"vis_{number}",
        lat=ground.lat,
        lon=ground.lon,
        radius_m=ground.radius_m,
        starts_ms=first_ms,
        ends_ms=last_ms,
    )
    during = tuple(o for o in sorted(outings) if _overlaps(o, first_ms, last_ms))
    return Recording(visit, ground.edge, readings, next(arrived_ms, last_ms), during or None, ground.fences)


def _check(outings: Sequence[Outing], tracks: Sequence[tuple[Reading, ...]]) -> None:
    for outing in outings:
        at = f"the time outside from {rfc3339(outing.clear_ms)}"
        if not any(_overlaps(outing, track[0].time_ms, track[-1].received_ms) for track in tracks):
            raise InvalidInput(f"{at} lies in none of the tracks")
    for one, other in pairwise(sorted(outings)):
        if one.back_ms is None or other.clear_ms <= one.back_ms:
            raise InvalidInput(f"the times outside from {rfc3339(one.clear_ms)} on overlap")


def _overlaps(outing: Outing, first_ms: int, last_ms: int) -> bool:
    return outing.clear_ms <= last_ms and (outing.back_ms is None or outing.back_ms >= first_ms)


def _rows(totals: dict[str, Score], *, labelled: bool) -> list[Row]:
    hours, naive = next(iter(totals.values())).hours, next(iter(totals.values()))
    if not labelled:
        return [
            row("hours since she arrived", hours, "h"),
            *(row(f"{name}: exits", scored.false_exits, "exits") for name, scored in totals.items()),
        ]
    found = [row("hours truly inside", hours, "h"), row("true exits", naive.true_exits, "exits")]
    for name, scored in totals.items():
        found += rows_of_rule(name, scored, naive)
    return found


def _tell(what: str, said: Sequence[Crossing]) -> None:
    """Say when, for who wants to look at the track there."""
    for crossing in said:
        sys.stderr.write(f"{what}: {'left' if crossing.out else 'came back'} {rfc3339(crossing.at_ms)}\n")
    sys.stderr.flush()
