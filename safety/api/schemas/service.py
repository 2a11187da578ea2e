"""The service itself: sessions, settings, health, and what it writes down."""

from datetime import datetime
from typing import Any, Literal

from devices.reports import Datum
from safety.api.schemas.shapes import Shape
from safety.store.users import Role


class SessionUser(Shape):
    """Who logged in."""

    id: str
    login: str
    role: Role
    org: str


class Session(Shape):
    """A session; the token is also in the cookie `vigil_session`."""

    token: str
    expires_at: datetime
    user: SessionUser


class Me(SessionUser):
    """Who is logged in, and until when."""

    org_name: str
    expires_at: datetime


class Tiles(Shape):
    """Where map tiles come from."""

    url: str
    attribution: str
    datum: Datum


class Config(Shape):
    """What the page must know of this installation."""

    tiles: Tiles | None
    version: str
    demo: bool
    codecs: list[str]


class DeadLetterHead(Shape):
    """What came in and could not be read; `field` is the JSON path at fault."""

    id: str
    at: datetime
    topic: str
    device: str | None
    org: str | None
    reason: str
    explanation: str
    field: str | None
    payload_bytes: int


class DeadLetter(DeadLetterHead):
    """With the start of the payload, as text."""

    payload: str


class WholeDeadLetter(DeadLetterHead):
    """With the whole payload."""

    payload_base64: str


class AuditRecord(Shape):
    """Who did or read what; `hash` covers the record and `previous_hash`."""

    seq: int
    at: datetime
    actor: str
    org: str | None
    action: str
    subject: str | None
    detail: dict[str, Any]
    hash: str
    previous_hash: str


class Health(Shape):
    """The process answers."""

    status: Literal["ok"]


class Readiness(Shape):
    """Each part of the service, `ok` or what is wrong."""

    status: Literal["ready", "not_ready"]
    parts: dict[str, str]
