"""Answers: JSON for senders, and refusals as RFC 9457 problem documents."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from ingest.errors import IngestError

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
"""How soon to come again when something of ours is out."""

# As RFC 9110 calls them; Python did so from 3.13 on.
_TITLES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
_encode = msgspec.json.Encoder().encode


class Refused(IngestError):
    """A request that is answered with a problem document; `members` are added to it.

    `outcome` is what the metrics call it.
    """

    def __init__(
        self,
        status: int,
        outcome: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.outcome = outcome
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


def unavailable(detail: str, outcome: str = "unavailable", retry_after_s: int = RETRY_AFTER_S) -> Refused:
    """Return the refusal that every sender takes for "again, later": never 4xx, which some drop."""
    return Refused(503, outcome, detail, headers={"Retry-After": str(retry_after_s)})


def json_answer(content: object, headers: Mapping[str, str] | None = None) -> Response:
    """Return `content` as JSON; what it says concerns one device, so nothing in between may keep it."""
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(_encode(content), media_type="application/json", headers=kept)


def title_of(status: int) -> str:
    """Return what a status is called."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def problem_answer(refused: Refused) -> Response:
    """Return the document of `refused`."""
    document = {
        "type": "about:blank",
        "title": title_of(refused.status),
        "status": refused.status,
        "detail": refused.detail,
        **refused.members,
    }
    headers = {"Cache-Control": "no-store", **refused.headers}
    return Response(_encode(document), refused.status, media_type=PROBLEM_TYPE, headers=headers)
