"""Report: what a benchmark hands over: rows of a measured value beside its floor and its target."""

import math
from collections.abc import Sequence
from typing import Any, TypedDict


class Row(TypedDict):
    """One figure. `floor` and `ratio` are None without a floor, `target` and `ok` without a target."""

    what: str
    value: float
    unit: str
    floor: float | None
    ratio: float | None
    target: str | None
    ok: bool | None


class Limit(TypedDict, total=False):
    """What a figure may be at most: a value, a multiple of its floor, a multiple of another figure."""

    at_most: float
    times_floor: float
    times: tuple[float, str, float]


def percentile(values: Sequence[float], part: float) -> float:
    """Return the nearest-rank percentile of `values`, e.g. `part` 0.99; at least one is needed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def row(what: str, value: float, unit: str, *, floor: float | None = None, limit: Limit | None = None) -> Row:
    """Return a row that says whether `value` keeps within each part of `limit`."""
    bounds = _bounds(limit or {}, floor)
    return {
        "what": what,
        "value": round(value, 3),
        "unit": unit,
        "floor": None if floor is None else round(floor, 3),
        "ratio": None if not floor else round(value / floor, 2),
        "target": ", ".join(bounds) or None,
        "ok": all(value <= bound for bound in bounds.values()) if bounds else None,
    }


def at_least(what: str, value: float, unit: str, least: float) -> Row:
    """Return a row whose value must not be below `least`."""
    target = f">= {least:g}"
    return {**row(what, value, unit), "target": target, "ok": value >= least}


def report(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the whole report, ready to be shown as a table or as JSON."""
    return {"name": name, "rows": list(rows)}


def _bounds(limit: Limit, floor: float | None) -> dict[str, float]:
    bounds: dict[str, float] = {}
    if "at_most" in limit:
        bounds[f"<= {limit['at_most']:g}"] = limit["at_most"]
    if "times_floor" in limit and floor is not None:
        bounds[f"<= {limit['times_floor']:g} x floor"] = limit["times_floor"] * floor
    if "times" in limit:
        factor, of_what, value = limit["times"]
        bounds[f"<= {factor:g} x {of_what}"] = factor * value
    return bounds
