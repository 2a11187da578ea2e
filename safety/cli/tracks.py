"""The options of `vigil bench quality` that score recorded tracks instead of simulated visits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from safety.cli.options import latitude, longitude
from safety.errors import InvalidInput

Tracks = Annotated[
    list[Path] | None,
    typer.Option(
        "--track",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="quality: score this recording (.gpx, .geojson, .csv) instead; may be repeated.",
    ),
]
Lat = Annotated[
    float | None,
    typer.Option(callback=latitude, metavar="DEGREES", help="Where the track should stay, WGS-84."),
]
Lon = Annotated[
    float | None, typer.Option(callback=longitude, metavar="DEGREES", help="The same, longitude.")
]
RadiusM = Annotated[float, typer.Option("--radius-m", min=1, max=100_000, help="How far around it, metres.")]
FenceFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.geojson", exists=True, dir_okay=False, help="Where it should stay, as fences instead."
    ),
]
Outside = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FROM/TO", help="When she truly was outside, RFC 3339; without TO to the end. Repeatable."
    ),
]


def score_tracks(
    tracks: Sequence[Path],
    lat: float | None,
    lon: float | None,
    radius_m: float,
    fence: Path | None,
    outside: Sequence[str],
) -> dict[str, Any]:
    """Score the tracks as the options say.

    Raises:
        BadParameter: the options do not say where the track should stay, or when she was outside.
        InvalidInput: a file cannot be used.
    """
    from safety.bench.tracks import Ground, measure_tracks, parse_outing, read_ground

    try:
        outings = [parse_outing(text) for text in outside]
    except InvalidInput as error:
        raise typer.BadParameter(str(error), param_hint="--outside") from error
    if fence is not None and lat is None and lon is None:
        return measure_tracks(tracks, read_ground(fence), outings)
    if fence is None and lat is not None and lon is not None:
        return measure_tracks(tracks, Ground(lat, lon, radius_m), outings)
    raise typer.BadParameter("expected --lat and --lon, or --fence", param_hint="--track")
