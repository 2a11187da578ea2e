"""Rule limits: how requests set them, and how answers show them.

In JSON a limit that was left out on purpose is the word `none`; null in a request lets it be as it is above.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from safety.domain.limits import LimitChanges

NONE = "none"

NewLimits = Annotated[
    dict[str, Any],
    Field(
        description="Limits of the rules by name, see docs/rules.md: a number, a version, or `none`.",
        examples=[{"phone_silent_s": 120, "check_in_every_s": 1800}],
    ),
]
LimitsChange = Annotated[
    dict[str, Any],
    Field(
        description="Limits to be set, see docs/rules.md; null lets one be what it is above.",
        examples=[{"phone_silent_s": 120, "gps_lost_s": "none", "arrival_grace_s": None}],
    ),
]


def read_limits(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what is set in `given`, and the names of what is to be as it is above."""
    changes = {name: None if value == NONE else value for name, value in given.items() if value is not None}
    return changes, [name for name in given if name not in changes]


def shown_limits(limits: LimitChanges) -> dict[str, float | str]:
    """Return limits as requests may send them again."""
    return {name: NONE if value is None else value for name, value in limits.items()}
