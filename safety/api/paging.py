"""Paging: cursors, limits and times as they stand in a query string."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import Depends, Query
from pydantic import BeforeValidator, WithJsonSchema

from devices.rfc3339 import NO_TIME, parse_rfc3339
from safety.errors import InvalidInput
from safety.store.queries import DEFAULT_LIMIT, MAX_LIMIT, Page

_MAX_CURSOR_LENGTH = 512
_MAX_INT = 2**63 - 1
# The last millisecond of the year 9999: what RFC 3339 can say.
_LATEST_MS = 253_402_300_799_999

Key = tuple[int | str, ...]


def encode_cursor(key: Key) -> str:
    """Return the cursor that stands for the row with `key`; safe in a URL as it is."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, shape: tuple[type, ...]) -> Key:
    """Return the key of `cursor`, whose parts must have the types of `shape`.

    Raises:
        InvalidInput: it is not a cursor of this list.
    """
    refusal = InvalidInput("cursor: take it from `next` of the page before", "cursor")
    if len(cursor) > _MAX_CURSOR_LENGTH:
        raise refusal
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = msgspec.json.decode(raw, type=list[int | str])
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise refusal from error
    if [type(part) for part in key] != list(shape):
        raise refusal
    if any(isinstance(part, int) and not -_MAX_INT <= part <= _MAX_INT for part in key):
        raise refusal
    return tuple(key)


def page_by(*shape: type, default: int = DEFAULT_LIMIT, most: int = MAX_LIMIT) -> Callable[..., Page]:
    """Return the dependency that reads `limit` and `cursor` of a list whose key has this shape."""

    def page(
        limit: Annotated[int, Query(ge=1, le=most, description="how many at most")] = default,
        cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
    ) -> Page:
        return Page(limit, decode_cursor(cursor, shape) if cursor else None)

    return page


PageById = Annotated[Page, Depends(page_by(str))]
PageByTime = Annotated[Page, Depends(page_by(int, str))]
PageBySeq = Annotated[Page, Depends(page_by(int))]


def parse_moment(value: object) -> int:
    """Return the epoch milliseconds of an RFC 3339 time, or of epoch milliseconds as a number or text.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str) and not value.isdecimal():
        # A plus sign that was not escaped arrives as a space.
        moment = parse_rfc3339(value.replace(" ", "+") if value[-6:-5] == " " else value)
    elif isinstance(value, int | str) and not isinstance(value, bool):
        moment = int(value)
    else:
        raise ValueError(NO_TIME)
    if not 0 <= moment <= _LATEST_MS:
        raise ValueError("expected a time from 1970 to 9999")
    return moment


_EITHER = [
    {"type": "string", "format": "date-time"},
    {"type": "integer", "description": "milliseconds since 1970"},
]
Moment = Annotated[int, BeforeValidator(parse_moment), WithJsonSchema({"anyOf": _EITHER})]
