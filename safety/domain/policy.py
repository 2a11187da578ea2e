"""Escalation policies: who is told of an alert, in which order, and what the ladder decides on."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec

from safety.errors import InvalidInput

# Weakest first. `info` pages nobody, whatever a policy says.
SEVERITIES = ("info", "warning", "high", "critical")
PagingSeverity = Literal["warning", "high", "critical"]

Reason = Literal[
    # somebody is told
    "notify_tier",  # the next tier's turn
    "no_policy",  # no policy to go by: everybody is told
    "no_tier",  # no tier of the policy takes the alert: everybody is told
    "no_responders",  # nobody of the tier can be reached: everybody is told
    "all_refused",  # no channel took what those told last were sent, and no tier is left: everybody is told
    "exhausted",  # every tier was told and nobody acknowledged: everybody is told
    "nobody_to_tell",  # nobody at all can be reached: the log is told
    # somebody is told next
    "no_progress",  # somebody took it, and nobody went on with it: it is raised again
    # nobody is told now
    "waiting",  # not yet its time
    "acknowledged",  # somebody has taken it
    "closed",  # resolved or cancelled
    "test_pages_nobody",
    "info_pages_nobody",
    "policy_pages_nobody",  # the policy leaves warnings to the screen
]
TELLING: frozenset[str] = frozenset(
    {
        "notify_tier",
        "no_policy",
        "no_tier",
        "no_responders",
        "all_refused",
        "exhausted",
        "nobody_to_tell",
    }
)

# How long people are left in peace when there is no tier left, before everybody is told again.
REPEAT_AFTER_S = 120.0

_Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_MOST_TIERS = 50


class Tier(msgspec.Struct, frozen=True):
    """The responders told together, `after_s` seconds after the tier before them.

    The first tier is told at once, whatever its `after_s`. Alerts below `min_severity` pass the tier by.
    """

    after_s: _Seconds
    responders: Annotated[tuple[_Id, ...], msgspec.Meta(min_length=1, max_length=200)]
    min_severity: PagingSeverity = "warning"

    def takes(self, severity: str) -> bool:
        """Tell whether an alert of `severity` is this tier's business; one we cannot place is."""
        if severity not in SEVERITIES:
            return True
        return SEVERITIES.index(severity) >= SEVERITIES.index(self.min_severity)


class EscalationPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation's ladder, first tier first."""

    id: str
    org: str
    name: str
    tiers: tuple[Tier, ...]

    def steps(self, severity: str) -> list[int]:
        """Return the indices of the tiers whose business an alert of `severity` is."""
        return [index for index, tier in enumerate(self.tiers) if tier.takes(severity)]


def pause_s(policy: EscalationPolicy | None, severity: str, level: int) -> float:
    """Return how long those told last are left in peace, where `level` tiers have been told."""
    if policy is None:
        return REPEAT_AFTER_S
    ahead = (policy.tiers[index].after_s for index in policy.steps(severity) if index >= level)
    return next(ahead, REPEAT_AFTER_S)


# The channel that only leaves a line in the service's log: nobody hears of it.
LOG = "log:"


class Responder(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is told, by the addresses of their channels, e.g. `log:` or a webhook's URL."""

    id: str
    name: str
    channels: tuple[str, ...]

    @property
    def reachable(self) -> bool:
        """Tell whether any of the channels leads to a person."""
        return any(channel != LOG for channel in self.channels)


class Roster(NamedTuple):
    """Who there is to tell: by id for the tiers, and everybody of the organisation for when those fail.

    Where nobody of the organisation is reachable, everybody of those above it is among them, up to the first
    where somebody is.
    """

    by_id: Mapping[str, Responder]
    everyone: tuple[Responder, ...]

    @property
    def reachable(self) -> frozenset[str]:
        """Who can be told, by id; by the log, where that is all that anybody has, as on trial."""
        people = (*self.by_id.values(), *self.everyone)
        called = frozenset(person.id for person in people if person.reachable)
        return called or frozenset(person.id for person in people if person.channels)


class Target(NamedTuple):
    """One notification to be: a responder and one of their channels."""

    responder: str
    channel: str


# Told when there is nobody: the operator's log is the last resort.
NOBODY = Target("nobody", LOG)


class AlertFacts(NamedTuple):
    """What the ladder must know of an alert; `due_ms` None in an open alert counts as due.

    `refused` says that no channel of those told last took it, or will. `kept_until_ms` is until when what
    people did with it counts as progress (None: they did nothing, or it is nobody's to go on with by itself).
    """

    state: str
    severity: str
    test: bool
    escalation_level: int
    due_ms: int | None
    refused: bool = False
    kept_until_ms: int | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the ladder decides, and why.

    `level` is how many tiers have been told then, `tier` the one told now (from 1; 0: none), `missing`
    those of it whom no channel reaches, `next_due_ms` when to decide again (None: never by itself).
    """

    reason: Reason
    level: int
    next_due_ms: int | None
    tier: int = 0
    targets: tuple[Target, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def tells(self) -> bool:
        """Tell whether somebody is to be told now."""
        return self.reason in TELLING


def read_tiers(data: object) -> tuple[Tier, ...]:
    """Return the tiers out of plain data: `[{"after_s": 0, "responders": [ids], "min_severity"?}]`.

    Raises:
        InvalidInput: it is not such a list; the message names the place.
    """
    try:
        tiers = msgspec.convert(data, tuple[Tier, ...])
    except msgspec.ValidationError as error:
        raise InvalidInput(f"tiers cannot be read: {error}") from error
    if not 1 <= len(tiers) <= _MOST_TIERS:
        raise InvalidInput(f"{len(tiers)} tiers cannot be used: expected 1 to {_MOST_TIERS}")
    for position, tier in enumerate(tiers):
        if not math.isfinite(tier.after_s):
            raise InvalidInput(
                f"tiers cannot be read: expected a number of seconds - at `$[{position}].after_s`"
            )
    return tiers
