"""Asking: what people and rules may have a device told beside news of its alarms, and for how long."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from safety.domain import checks
from safety.errors import InvalidInput

AskedKind = Literal["locate", "resend", "configure", "message"]
KINDS: tuple[str, ...] = get_args(AskedKind)
ANSWERED: frozenset[str] = frozenset({"locate", "resend"})
"""What a device answers with reports of its own."""

HEARING_CODECS: frozenset[str] = frozenset({"native", "owntracks"})
"""The dialects in which a device can be told something."""

TTL_S: dict[str, float] = {"locate": 300.0, "resend": 3600.0, "configure": 86_400.0, "message": 3600.0}
"""How long it is worth telling: a place that is asked for now is of no use in an hour."""

MIN_TTL_S, MAX_TTL_S = 1.0, 7 * 86_400.0
MIN_FIX_EVERY_S, MAX_FIX_EVERY_S = 1.0, 3600.0
MAX_WORDS = 500
MAX_RESEND = 1_000
"""Reports that are asked for at once: as many as a list may hold."""
_MAX_SEQ = 2**53

FROM_PEOPLE = "dispatcher"
"""The `text` of a message whose `words` somebody wrote."""

Details = dict[str, str | int | float | bool | None]


def checked_details(kind: str, given: Mapping[str, Any]) -> Details:
    """Return what goes down with a command of `kind`, out of what somebody asked for.

    Raises:
        InvalidInput: the kind is none of `KINDS`, or a field is missing, unknown or out of bounds.
    """
    readers = {"locate": _locate, "resend": _resend, "configure": _configure, "message": _message}
    if kind not in readers:
        expected = f"expected one of {', '.join(KINDS)}"
        raise InvalidInput(f"kind {kind[:40]!r} cannot be asked for: {expected}", "kind")
    fields = dict(given)
    details = readers[kind](fields)
    if fields:
        field = next(iter(fields))[:40]
        raise InvalidInput(f"{field!r} says nothing in a {kind}: leave it out", field)
    return details


def checked_ttl_s(kind: str, ttl_s: float | None) -> float:
    """Return for how long a command of `kind` is worth telling.

    Raises:
        InvalidInput: it is out of bounds.
    """
    if ttl_s is None:
        return TTL_S[kind]
    if not MIN_TTL_S <= ttl_s <= MAX_TTL_S:
        bounds = f"{MIN_TTL_S:g} to {MAX_TTL_S:g} s"
        raise InvalidInput(f"ttl_s {ttl_s:g} is out of bounds: expected {bounds}", "ttl_s")
    return ttl_s


def _locate(fields: dict[str, Any]) -> Details:
    return {}


def _message(fields: dict[str, Any]) -> Details:
    words = fields.pop("text", None)
    if not isinstance(words, str):
        raise InvalidInput(f"text is what she is to read: expected 1 to {MAX_WORDS} characters", "text")
    return {"text": FROM_PEOPLE, "words": checks.prose(words, "text", MAX_WORDS)}


def _configure(fields: dict[str, Any]) -> Details:
    if "fix_every_s" not in fields:
        expected = "expected seconds between fixes, or null for its own pace"
        raise InvalidInput(f"fix_every_s is missing: {expected}", "fix_every_s")
    every_s = fields.pop("fix_every_s")
    if every_s is None:
        return {"fix_every_s": None}
    if isinstance(every_s, bool) or not isinstance(every_s, int | float):
        raise InvalidInput(f"fix_every_s {every_s!r} is no number of seconds", "fix_every_s")
    if not MIN_FIX_EVERY_S <= every_s <= MAX_FIX_EVERY_S:
        bounds = f"{MIN_FIX_EVERY_S:g} to {MAX_FIX_EVERY_S:g} s"
        raise InvalidInput(f"fix_every_s {every_s:g} is out of bounds: expected {bounds}", "fix_every_s")
    return {"fix_every_s": every_s}


def _resend(fields: dict[str, Any]) -> Details:
    first, last = (fields.pop(name, None) for name in ("first_seq", "last_seq"))
    for name, value in (("first_seq", first), ("last_seq", last)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_SEQ:
            raise InvalidInput(f"{name} {value!r} is no number of a report: expected an integer from 0", name)
    if not first <= last < first + MAX_RESEND:
        expected = f"expected 1 to {MAX_RESEND} reports"
        raise InvalidInput(f"{first} to {last} cannot be asked for: {expected}", "last_seq")
    return {"first_seq": first, "last_seq": last}
