"""Bodies: what a request brings is JSON in UTF-8 (RFC 8259) and of the right types, or it is refused.

The reader that FastAPI uses lets more through: halves of characters, as escapes (`"\\ud800"`) or as bytes,
which can be neither stored nor encoded again, and numbers that are none (`NaN`).
"""

from typing import Any

import msgspec
from fastapi import HTTPException, Request
from pydantic import BaseModel, ConfigDict
from starlette.requests import ClientDisconnect

from safety.errors import InvalidInput

_BRINGING = frozenset({"POST", "PUT", "PATCH"})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder().decode


class Body(BaseModel):
    """What a request may hold: a text is no number and neither is a truth value, and nothing is ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)


class Change(Body):
    """What a request may change: what it leaves out stays, and null is for what can be taken away.

    So a field that cannot be null has a default that stands for nothing; what counts is whether it was given.
    """

    model_config = ConfigDict(json_schema_extra=_without_defaults)


async def refuse_unreadable(request: Request) -> None:
    """Refuse a body that is no JSON in UTF-8; whether there must be one is the route's business.

    Raises:
        InvalidInput: it is none.
        HTTPException: 400, it broke off; 413, it is too large.
    """
    if request.method not in _BRINGING:
        return
    try:
        # FastAPI has read and kept it already, unless the route takes none.
        body = await request.body()
    except ClientDisconnect as error:
        raise HTTPException(400, "the body broke off") from error
    if not body:
        return
    try:
        _decode(body.removeprefix(_BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error) from error


def unreadable(error: BaseException) -> InvalidInput:
    """Return the refusal of a body that could not be read because of `error`.

    What stood in it is not repeated: it may be a password.
    """
    if isinstance(error, msgspec.DecodeError):
        reason = str(error)
    elif isinstance(error, RecursionError):
        reason = "it is nested too deeply"
    elif isinstance(error, UnicodeError):
        reason = "it holds bytes that are no characters"
    else:
        reason = "it holds a number with too many digits"
    expected = "expected whole characters and finite numbers"
    return InvalidInput(f"the body is no JSON in UTF-8: {reason}: {expected}", "body")
