"""Options that several commands have in common."""

import math
from collections.abc import Callable, Collection
from typing import Annotated

import typer

from safety.cli.common import Desk
from safety.cli.times import parse_when
from safety.domain.durations import parse_duration_s
from safety.errors import InvalidInput

OrgId = Annotated[str, typer.Option("--org", metavar="ID", help="The organisation it belongs to.")]
OptionalOrg = Annotated[
    str | None, typer.Option("--org", metavar="ID", help="Only those of this organisation.")
]
NurseId = Annotated[str, typer.Option("--nurse", metavar="ID", help="Whose it is.")]


def _within(most: float) -> Callable[[float | None], float | None]:
    def checked(degrees: float | None) -> float | None:
        if degrees is not None and math.isnan(degrees):
            raise typer.BadParameter(f"nan is no number: expected {-most:g} to {most:g} degrees")
        if degrees is not None and not -most <= degrees <= most:
            raise typer.BadParameter(f"{degrees:g} is out of bounds: expected {-most:g} to {most:g} degrees")
        return degrees

    return checked


latitude, longitude = _within(90), _within(180)
"""Callbacks of options in degrees: the limits of an option's type would say of NaN that it is too large."""
Latitude = Annotated[
    float, typer.Option("--lat", callback=latitude, metavar="DEGREES", help="Latitude, -90 to 90, WGS-84.")
]
Longitude = Annotated[
    float,
    typer.Option("--lon", callback=longitude, metavar="DEGREES", help="Longitude, -180 to 180."),
]


def only_of(desk: Desk, org: str | None) -> list[str] | None:
    """Return what narrows a list down to `org`, None if it was not asked for.

    Raises:
        NotFound: there is no such organisation.
    """
    if org is None:
        return None
    from safety.store.orgs import find_org

    return [find_org(desk.connection, org).id]


def duration_s(text: str, option: str) -> float:
    """Read the duration that `option` was given; a bad one is bad usage.

    Raises:
        BadParameter: `text` is no duration.
    """
    try:
        return parse_duration_s(text)
    except InvalidInput as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def codec_of(text: str, known: Collection[str]) -> str:
    """Take the dialect that `--codec` was given; one that is not `known` is bad usage.

    Raises:
        BadParameter: `text` is none of them.
    """
    if text not in known:
        raise typer.BadParameter(
            f"codec {text!r} is unknown: expected {' or '.join(known)}", param_hint="--codec"
        )
    return text


def moment_ms(text: str, now_ms: int, option: str) -> int:
    """Read the time that `option` was given; a bad one is bad usage.

    Raises:
        BadParameter: `text` is no time.
    """
    try:
        return parse_when(text, now_ms)
    except InvalidInput as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
