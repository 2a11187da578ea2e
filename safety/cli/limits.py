"""How commands show and take the rules' limits."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from safety.cli.common import show_json, show_table

SetLimits = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Set a limit: check_in_grace_s=60, arrival_grace_s=10m."
    ),
]
UnsetLimits = Annotated[
    list[str] | None, typer.Option("--unset", metavar="NAME", help="Let a limit be what it is above.")
]


def read_changes(settings: list[str] | None, *, of_fence: bool = False) -> dict[str, Any]:
    """Read what `--set` was given; what cannot be read is bad usage.

    Raises:
        BadParameter: one is not NAME=VALUE, or not a value of that limit.
    """
    from safety.domain.fence_limits import FENCE_LIMITS, changed_fence_limits
    from safety.domain.limits import LIMITS, checked_limit, parse_limit
    from safety.errors import InvalidInput

    known = FENCE_LIMITS if of_fence else LIMITS
    changes: dict[str, Any] = {}
    for setting in settings or ():
        name, equals, text = setting.partition("=")
        if not equals:
            raise typer.BadParameter(f"{setting!r}: expected NAME=VALUE", param_hint="--set")
        try:
            value = parse_limit(name, text, known)
            if of_fence:
                changed_fence_limits(None, {name: value})
            changes[name] = value if of_fence else checked_limit(name, value)
        except InvalidInput as error:
            raise typer.BadParameter(str(error), param_hint="--set") from error
    return changes


def show_limits(items: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Show limits as `described` gives them: what holds, the default, and what each means."""
    from safety.domain.limits import LIMITS

    if as_json:
        show_json({"items": items})
        return
    rows = [
        [
            str(item["name"]),
            _value(item["value"], LIMITS[item["name"]].without if item["name"] in LIMITS else None),
            "" if item["unit"] == "version" or item["value"] is None else str(item["unit"]),
            str(item["from"]),
            _value(item["default"], "-"),
            str(item["means"]),
        ]
        for item in items
    ]
    show_table([["name", "value", "unit", "from", "default", "means"], *rows])


def _value(value: object, without: str | None) -> str:
    if value is None:
        return without or "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
