"""Answers: JSON responses, encoded by msgspec, and the envelope of every list."""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Row
from starlette.responses import Response

from safety.api.paging import encode_cursor
from safety.store.queries import Listed

encode = msgspec.json.Encoder().encode


UNKEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer: nothing in between may keep it, and a browser takes it for what it says it is."""


class Answer(Response):
    """A JSON response; what it says concerns one person, so nothing in between may keep it."""

    media_type = "application/json"

    def __init__(
        self,
        content: object,
        status_code: int = 200,
        headers: dict[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        headers = {**UNKEPT, **(headers or {})}
        super().__init__(content, status_code, headers, media_type)

    def render(self, content: Any) -> bytes:
        return b"" if content is None else encode(content)


def empty_answer() -> Answer:
    """Return the answer that says only that it is done (204)."""
    return Answer(None, 204)


def list_answer(listed: Listed, view: Callable[[Row[Any]], object]) -> Answer:
    """Return one page as `{"items": […], "next": cursor or null}`."""
    following = encode_cursor(listed.next) if listed.next is not None else None
    return Answer({"items": [view(row) for row in listed.rows], "next": following})
