"""Sessions at the door: logging in and out, and who one is."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from sqlalchemy import select

from devices.rfc3339 import rfc3339
from safety.api import schemas
from safety.api.answers import Answer, empty_answer
from safety.api.context import Context, Services
from safety.api.people import SESSION_COOKIE, Caller, refuse_foreign_page
from safety.api.problems import NotAuthenticated, Problem
from safety.store.audit import append_audit
from safety.store.fleet import CODECS
from safety.store.logins import forget_failures, note_failure, retry_after_s
from safety.store.sessions import create_session, end_session
from safety.store.tables import orgs
from safety.store.users import User, find_user, renew_hash, verify_password

router = APIRouter(tags=["session"])
_log = structlog.get_logger(__name__)


class Credentials(BaseModel):
    """Who wants to log in."""

    username: Annotated[str, Field(min_length=1, max_length=128)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]


@router.post("/session", dependencies=[Depends(refuse_foreign_page)], response_model=schemas.Session)
def log_in(credentials: Credentials, request: Request, services: Services) -> Answer:
    """Log in: a cookie for the page, and the same token for scripts."""
    now_ms = services.clock.now_ms()
    address = request.client.host if request.client else "unknown"
    with services.database.reading() as connection:
        wait_s = retry_after_s(connection, credentials.username, address, now_ms)
        user = find_user(connection, credentials.username)
    if wait_s > 0:
        _log.warning("too many failed logins", action="session.limited", address=address)
        detail = f"too many failed attempts: wait {wait_s} s"
        raise Problem(429, detail, headers={"Retry-After": str(wait_s)})
    # Outside any transaction: it takes a while on purpose.
    matches = verify_password(user, credentials.password)
    if user is None or not matches or user.disabled_ms is not None:
        _refuse(services, credentials.username, user, address)
        raise NotAuthenticated("unknown login or wrong password")
    return _admit(services, user, credentials.password, address)


def _refuse(services: Context, login: str, user: User | None, address: str) -> None:
    now_ms = services.clock.now_ms()
    with services.database.writing() as connection:
        note_failure(connection, login, address, now_ms)
        append_audit(
            connection,
            # What belongs to nobody is not written down: people type passwords into the wrong field.
            actor=user.login if user else "unknown",
            action="login_failed",
            at_ms=now_ms,
            org=user.org if user else None,
            subject=user.id if user else None,
            detail={"address": address},
        )
    _log.info("login refused", action="session.refused", address=address)


def _admit(services: Context, user: User, password: str, address: str) -> Answer:
    now_ms, ttl_s = services.clock.now_ms(), services.settings.session_ttl_s
    with services.database.writing() as connection:
        forget_failures(connection, user.login)
        renew_hash(connection, user, password)
        token = create_session(connection, user.id, ttl_s, now_ms)
        append_audit(
            connection,
            actor=user.login,
            action="login",
            at_ms=now_ms,
            org=user.org,
            subject=user.id,
            detail={"address": address},
        )
    answer = Answer(
        {
            "token": token,
            "expires_at": rfc3339(now_ms + round(ttl_s * 1000)),
            "user": {"id": user.id, "login": user.login, "role": user.role, "org": user.org},
        }
    )
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=round(ttl_s),
        httponly=True,
        samesite="strict",
        secure=services.settings.secure_cookie,
    )
    return answer


@router.delete("/session", status_code=204)
def log_out(person: Caller, services: Services) -> Answer:
    """Log out: the token is worth nothing from now on."""
    with services.database.writing() as connection:
        end_session(connection, person.session)
        append_audit(
            connection,
            actor=person.login,
            action="logout",
            at_ms=services.clock.now_ms(),
            org=person.org,
            subject=person.user,
        )
    services.hub.wake()
    answer = empty_answer()
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return answer


@router.get("/me", response_model=schemas.Me)
def me(person: Caller, services: Services) -> Answer:
    """Return who is logged in."""
    with services.database.reading() as connection:
        org_name = connection.execute(select(orgs.c.name).where(orgs.c.id == person.org)).scalar()
    return Answer(
        {
            "id": person.user,
            "login": person.login,
            "role": person.role,
            "org": person.org,
            "org_name": org_name,
            "expires_at": rfc3339(person.expires_ms),
        }
    )


@router.get("/config", response_model=schemas.Config)
def config(person: Caller, services: Services) -> Answer:
    """Return what the page must know of this installation."""
    tiles = services.settings.tiles
    shown = {"url": tiles.url, "attribution": tiles.attribution, "datum": tiles.datum} if tiles else None
    return Answer(
        {
            "tiles": shown,
            "version": services.settings.version,
            "demo": services.settings.demo,
            "codecs": list(CODECS),
        }
    )
