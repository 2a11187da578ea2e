"""People: who makes a request, and whether their role allows it."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import Headers

from safety.api.context import Services
from safety.api.problems import NotAuthenticated, Problem
from safety.errors import Forbidden
from safety.store.queries import Scope
from safety.store.sessions import Person, find_session

SESSION_COOKIE = "vigil_session"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

ACTS: tuple[str, ...] = ("dispatcher", "supervisor", "admin")
EDITS: tuple[str, ...] = ("supervisor", "admin")
ADMINISTERS: tuple[str, ...] = ("admin",)
AUDITS: tuple[str, ...] = ("auditor", "admin")


def bearer_token(headers: Headers) -> str | None:
    """Return the token of the Authorization header, or None without one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_same_origin(headers: Headers) -> bool:
    """Tell whether a request with a cookie comes from our own page, or from no page at all.

    Browsers always say where a request that changes something, or opens a WebSocket, comes from; what
    says nothing is a script with its own cookie jar, which no foreign page can steer.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        # The browser's own word; behind a proxy that renames the host it is also the only right one.
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def refuse_foreign_page(request: Request) -> None:
    """Refuse a request that a foreign page made a browser send.

    Raises:
        Problem: 403.
    """
    if request.method in _SAFE_METHODS or bearer_token(request.headers):
        return
    if not is_same_origin(request.headers):
        raise Problem(403, "a request with a cookie must come from our own page: use a bearer token")


def current_person(request: Request, services: Services) -> Person:
    """Return who makes the request.

    Raises:
        NotAuthenticated: there is no token, or it is unknown or over.
        Problem: 403, a foreign page sent it.
    """
    token = bearer_token(request.headers)
    if token is None:
        token = request.cookies.get(SESSION_COOKIE)
        refuse_foreign_page(request)
    if not token:
        raise NotAuthenticated()
    with services.database.reading() as connection:
        person = find_session(connection, token, services.clock.now_ms())
    if person is None:
        raise NotAuthenticated("the session is over: log in again at POST /api/v1/session")
    return person


Caller = Annotated[Person, Depends(current_person)]


def in_role(*roles: str) -> Callable[[Person], Person]:
    """Return the dependency that admits only these roles."""

    def check(person: Caller) -> Person:
        if person.role not in roles:
            raise Forbidden(f"role {person.role} may not do this: it takes {' or '.join(roles)}")
        return person

    return check


Actor = Annotated[Person, Depends(in_role(*ACTS))]
Editor = Annotated[Person, Depends(in_role(*EDITS))]
Administrator = Annotated[Person, Depends(in_role(*ADMINISTERS))]
Auditor = Annotated[Person, Depends(in_role(*AUDITS))]


def current_scope(person: Caller) -> Scope:
    """Return what the caller may see."""
    return Scope(person.org)


Seen = Annotated[Scope, Depends(current_scope)]
