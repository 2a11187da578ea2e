"""Problems: every error as an RFC 9457 problem document (`application/problem+json`)."""

from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from devices.errors import UnknownDevice
from ingest.gateway.answers import title_of
from safety.api.answers import Answer
from safety.api.bodies import unreadable
from safety.api.methods import allowed_methods
from safety.errors import Forbidden, InvalidInput, NotFound

_log = structlog.get_logger(__name__)
_RETRY_AFTER_S = 1
_UNDECLARED = "the body does not say that it is JSON: send it with Content-Type: application/json"


class Problem(Exception):
    """An answer that is an error; `members` are added to the document, `headers` to the answer."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "about:blank",
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.headers = headers
        self.members = members


class NotAuthenticated(Problem):
    """Nobody is logged in."""

    def __init__(self, detail: str = "log in first: POST /api/v1/session") -> None:
        super().__init__(401, detail, headers={"WWW-Authenticate": "Bearer"})


def answer(problem: Problem) -> Answer:
    """Return the document of `problem`."""
    document = {
        "type": problem.kind,
        "title": title_of(problem.status),
        "status": problem.status,
        "detail": problem.detail,
        **problem.members,
    }
    return Answer(
        document, problem.status, headers=dict(problem.headers or {}), media_type="application/problem+json"
    )


def install_problems(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(InvalidInput, _refused)
    for error, status in ((NotFound, 404), (UnknownDevice, 404), (Forbidden, 403)):
        app.add_exception_handler(error, _plain(status))
    app.add_exception_handler(OperationalError, _unavailable)
    app.add_exception_handler(PoolTimeout, _unavailable)
    app.add_exception_handler(Exception, _unexpected)


def _problem(_request: Request, error: Exception) -> Answer:
    if not isinstance(error, Problem):
        raise error
    return answer(error)


def _http(request: Request, error: Exception) -> Answer:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 400 and isinstance(error.__cause__, ValueError | RecursionError):
        # FastAPI's own, where the body cannot even be parsed.
        return _refused(request, unreadable(error.__cause__))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        # Its router names those of one route only, and a path may have several.
        headers["Allow"] = allowed_methods(request)
    return answer(Problem(error.status_code, str(error.detail).lower(), headers=headers))


def _invalid(request: Request, error: Exception) -> Answer:
    if not isinstance(error, RequestValidationError):
        raise error
    if isinstance(error.body, bytes):
        # FastAPI parses what says that it is JSON, and nothing else.
        return _refused(request, InvalidInput(_UNDECLARED, "body"))
    # The input itself is never repeated: it may be a password.
    errors = [{"field": _field(fault), "reason": _reason(fault)} for fault in error.errors()]
    detail = "; ".join(f"{fault['field']}: {fault['reason']}" for fault in errors)
    return answer(Problem(422, detail, errors=errors))


def _refused(_request: Request, error: Exception) -> Answer:
    field = error.field if isinstance(error, InvalidInput) else None
    errors = [{"field": field, "reason": str(error)}] if field else []
    return answer(Problem(422, str(error), errors=errors))


def _field(fault: Mapping[str, Any]) -> str:
    # The first part says body, query or path; who sent the request knows. Of what is no JSON, the second is
    # where it broke.
    location = fault["loc"]
    path = () if fault["type"] == "json_invalid" else location[1:]
    return ".".join(str(part) for part in path) or str(location[0])


def _reason(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "model_attributes_type":
        return "Input should be a valid object"
    return str(fault["msg"]).removeprefix("Value error, ")


def _plain(status: int) -> Any:
    def handler(_request: Request, error: Exception) -> Answer:
        return answer(Problem(status, str(error)))

    return handler


def _unavailable(request: Request, error: Exception) -> Answer:
    _log.warning("the store cannot be used just now", action="api.store_unavailable", error=repr(error))
    detail = "the store cannot be used just now: try again"
    return answer(Problem(503, detail, headers={"Retry-After": str(_RETRY_AFTER_S)}))


def _unexpected(request: Request, error: Exception) -> Answer:
    _log.error(
        "a request failed",
        action="api.request_failed",
        method=request.method,
        path=request.url.path,
        exc_info=error,
    )
    return answer(Problem(500, "something failed here: it is in the log"))
