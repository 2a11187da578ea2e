"""The policy document: an organisation's escalation policy as people write it.

org: org_…
name: Pudong, day and night
tiers:
  - responders: [rsp_…, Li Na]    # ids or names, of the organisation or one above it; told at once
  - after: 2m                     # since the tier before
    responders: [rsp_…]
    min_severity: high            # the tier is spared warnings; they are on the screen
"""

from collections.abc import Mapping
from typing import cast, get_args

import msgspec

from safety.domain import checks
from safety.domain.durations import parse_duration_s
from safety.domain.policy import PagingSeverity
from safety.errors import InvalidInput

_MOST_TIERS = 20
_MOST_RESPONDERS = 100
_LONGEST_AFTER_S = 86_400.0


class Tier(msgspec.Struct, frozen=True):
    """Who is told `after_s` seconds after the tier before, the first at once; responders are ids or names."""

    after_s: float
    responders: tuple[str, ...]
    min_severity: PagingSeverity = "warning"


class PolicyDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that was read but whose ids were not yet looked up."""

    org: str
    name: str
    tiers: tuple[Tier, ...]


def parse_policy(document: object) -> PolicyDraft:
    """Return the policy that `document` (plain objects, as YAML or JSON gives them) holds.

    Raises:
        InvalidInput: it is none; the message names the key.
    """
    given = _object(document, "the policy", {"org", "name", "tiers"})
    tiers = given.get("tiers")
    if not isinstance(tiers, list) or not 1 <= len(tiers) <= _MOST_TIERS:
        raise InvalidInput(f"tiers: expected a list of 1 to {_MOST_TIERS} tiers", "tiers")
    return PolicyDraft(
        org=_text(given, "org"),
        name=_text(given, "name"),
        tiers=tuple(_tier(tier, index) for index, tier in enumerate(tiers)),
    )


def _tier(document: object, index: int) -> Tier:
    where, field = f"tiers[{index}]", f"tiers.{index}"
    given = _object(document, where, {"after", "responders", "min_severity"}, field)
    responders = given.get("responders")
    if not isinstance(responders, list) or not 1 <= len(responders) <= _MOST_RESPONDERS:
        expected = f"expected a list of 1 to {_MOST_RESPONDERS} ids or names"
        raise InvalidInput(f"{where}.responders: {expected}", f"{field}.responders")
    named = []
    for position, responder in enumerate(responders):
        if not isinstance(responder, str):
            raise InvalidInput(
                f"{where}.responders[{position}]: expected the id or name of a responder",
                f"{field}.responders.{position}",
            )
        named.append(checks.text(responder, f"{where}.responders[{position}]"))
    severity = given.get("min_severity", "warning")
    if severity not in get_args(PagingSeverity):
        expected = f"expected one of {', '.join(get_args(PagingSeverity))}"
        raise InvalidInput(f"{where}.min_severity: {expected}", f"{field}.min_severity")
    after_s = _after_s(given.get("after"), index)
    return Tier(after_s, tuple(dict.fromkeys(named)), cast("PagingSeverity", severity))


def _after_s(value: object, index: int) -> float:
    # The field is called as in `Tier`: so does the API, which takes seconds only.
    where, field = f"tiers[{index}].after", f"tiers.{index}.after_s"
    if value is None and index == 0:
        return 0.0
    if isinstance(value, str):
        try:
            after_s = parse_duration_s(value)
        except InvalidInput as error:
            raise InvalidInput(f"{where}: {error}", field) from error
    elif isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        after_s = float(min(value, 2 * _LONGEST_AFTER_S))
    else:
        raise InvalidInput(f"{where}: expected a duration, e.g. 2m", field)
    if after_s > _LONGEST_AFTER_S:
        raise InvalidInput(f"{where}: expected at most 24h", field)
    return after_s


def _object(document: object, where: str, keys: set[str], field: str | None = None) -> Mapping[str, object]:
    expected = ", ".join(sorted(keys))
    if not isinstance(document, dict):
        raise InvalidInput(f"{where}: expected the keys {expected}", field)
    for key in document:
        if key not in keys:
            raise InvalidInput(f"{where}: unknown key {key!r}, expected {expected}", field)
    return cast("Mapping[str, object]", document)


def _text(given: Mapping[str, object], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str):
        raise InvalidInput(f"{key}: expected text", key)
    return checks.text(value, key)
