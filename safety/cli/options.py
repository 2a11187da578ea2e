"""Options that several commands have in common."""

from collections.abc import Collection
from typing import Annotated

import typer

from safety.cli.times import parse_when
from safety.domain.durations import parse_duration_s
from safety.errors import InvalidInput

OrgId = Annotated[str, typer.Option("--org", metavar="ID", help="The organisation it belongs to.")]
OptionalOrg = Annotated[
    str | None, typer.Option("--org", metavar="ID", help="Only those of this organisation.")
]
NurseId = Annotated[str, typer.Option("--nurse", metavar="ID", help="Whose it is.")]
Latitude = Annotated[float, typer.Option("--lat", min=-90, max=90, help="Latitude, degrees WGS-84.")]
Longitude = Annotated[float, typer.Option("--lon", min=-180, max=180, help="Longitude, degrees WGS-84.")]


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
