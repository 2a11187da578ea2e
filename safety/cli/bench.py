"""`vigil bench`: the benchmarks of safety.bench, each a module with `run() -> report`."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from safety.cli.common import DEFAULT_DATA_DIR, AsJson, DataDir, show_json, show_table
from safety.cli.tracks import FenceFile, Lat, Lon, Outside, RadiusM, Tracks, score_tracks
from safety.cli.week import Days, FixEveryS, Nurses, measure_week

Fixes = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="COUNT", help="backlog: how many fixes wait when the panic comes (1,000,000)."
    ),
]


def register(app: typer.Typer, panel: str) -> None:
    """Put the command on `app`."""
    app.command(rich_help_panel=panel)(bench)


def bench(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="backlog, engine, ingest, latency, process, quality or store."),
    ],
    tracks: Tracks = None,
    lat: Lat = None,
    lon: Lon = None,
    radius_m: RadiusM = 150.0,
    fence: FenceFile = None,
    outside: Outside = None,
    nurses: Nurses = None,
    days: Days = None,
    fix_every_s: FixEveryS = None,
    fixes: Fixes = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Measure this machine: a table of what was measured beside its floor and its target.

    A benchmark makes a service of its own and leaves the data directory alone.
    """
    names = benches()
    if name not in names:
        raise typer.BadParameter(f"no benchmark {name!r}: expected {' or '.join(names)}", param_hint="NAME")
    if tracks and name != "quality":
        raise typer.BadParameter("only quality scores tracks", param_hint="--track")
    if name != "store" and not nurses is days is fix_every_s is None:
        raise typer.BadParameter("only store is of any size", param_hint="--nurses, --days, --fix-every-s")
    if fixes is not None and name != "backlog":
        raise typer.BadParameter("only backlog counts fixes", param_hint="--fixes")
    report: Mapping[str, Any]
    if name == "store":
        report = measure_week(nurses, days, fix_every_s)
    elif tracks:
        report = score_tracks(tracks, lat, lon, radius_m, fence, outside or [])
    else:
        size = () if fixes is None else (fixes,)
        report = importlib.import_module(f"safety.bench.{name}").run(*size)
    if as_json:
        show_json(report)
        return
    typer.echo(f"{report['name']}:")
    head = ("what", "value", "unit", "floor", "ratio", "target", "ok")
    show_table([head, *([_cell(row.get(column)) for column in head] for row in report["rows"])])


def benches() -> list[str]:
    """Return the names of the benchmarks: the modules of safety.bench that have a `run`."""
    package = importlib.import_module("safety.bench")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return [name for name in names if hasattr(importlib.import_module(f"safety.bench.{name}"), "run")]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
