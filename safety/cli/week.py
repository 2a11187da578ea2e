"""The options of `vigil bench store`: how much of a week of visits it puts into the store."""

from typing import Annotated, Any

import typer

Nurses = Annotated[int | None, typer.Option(min=100, help="store: how many nurses there are (10000).")]
Days = Annotated[int | None, typer.Option(min=1, max=366, help="store: over how many days (7).")]
FixEveryS = Annotated[
    float | None,
    typer.Option("--fix-every-s", min=1, max=3600, help="store: seconds between the points of a track (30)."),
]


def measure_week(nurses: int | None, days: int | None, fix_every_s: float | None) -> dict[str, Any]:
    """Measure the store with so much in it; None: as much as there is of a large service's week."""
    from safety.bench import store
    from safety.bench.week.size import Size

    given = {"nurses": nurses, "days": days, "fix_every_s": fix_every_s}
    return store.run(Size(**{name: value for name, value in given.items() if value is not None}))  # type: ignore[arg-type]  # each has its own type
