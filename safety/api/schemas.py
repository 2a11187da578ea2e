"""Schemas: the shapes of all answers, for OpenAPI; a test holds every answer to them.

Answers are encoded by msgspec straight from `views`; these models describe them and cost nothing at
run time.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from devices.registry.port import DeviceKind
from devices.reports import Datum
from safety.domain.alert import Resolution, State
from safety.domain.fence_import import Mode
from safety.rules.effects import AlertKind, Severity
from safety.store.users import Role
from safety.store.visits import Risk

T = TypeVar("T")


class Shape(BaseModel):
    """What an answer holds; nothing else."""

    model_config = ConfigDict(extra="forbid")


class Page(Shape, Generic[T]):
    """A part of a list; `next` is the cursor of the part after it, null at the end."""

    items: list[T]
    next: str | None


class Place(Shape):
    """Where, and how old that is; `accuracy_m` is the radius that holds 68 %."""

    lat: float
    lon: float
    accuracy_m: float | None
    time: datetime
    age_s: float


class AlertPlace(Place):
    """Where the alarm came from, or where the nurse was last before it."""

    source: Literal["alarm", "last_known"]


class Alert(Shape):
    """Someone may be in danger; `version` grows with every change of its state or owner."""

    id: str
    kind: AlertKind
    severity: Severity
    state: State
    nurse: str | None
    nurse_name: str | None
    device: str | None
    device_kind: DeviceKind | None
    visit: str | None
    org: str
    occurred_at: datetime
    received_at: datetime
    raised_at: datetime
    position: AlertPlace | None
    escalation_level: int
    escalates_at: datetime | None
    cancel_until: datetime | None
    owner: str | None
    test: bool
    late: bool
    silent: bool
    doubts: list[str]
    why: dict[str, Any]
    resolution: Resolution | None
    source_event: str
    version: int


class TimelineEntry(Shape):
    """Something that happened to an alert; `actor` is the login of a person, null for the system."""

    seq: int
    at: datetime
    what: str
    actor: str | None
    detail: dict[str, Any]


class Notification(Shape):
    """What was, or is to be, sent to a responder."""

    id: str
    responder: str
    responder_name: str | None
    channel: str
    tier: int
    state: Literal["pending", "sent", "failed"]
    attempts: int
    sent_at: datetime | None
    error: str | None


class Visit(Shape):
    """Where a nurse is expected, and when."""

    id: str
    nurse: str
    org: str
    starts_at: datetime
    ends_at: datetime
    lat: float
    lon: float
    radius_m: float
    check_in_every_s: float | None
    patient: str | None
    risk: Risk
    state: Literal["planned", "active", "ended"]


class NurseContact(Shape):
    """Whom it concerns, and how to call her."""

    id: str
    name: str
    phone: str | None


class AlertDetail(Alert):
    """An alert with all that belongs to it."""

    timeline: list[TimelineEntry]
    notifications: list[Notification]
    visit_detail: Visit | None
    nurse_detail: NurseContact | None


class NursePosition(Place):
    """Where a nurse was last."""

    nurse: str
    nurse_name: str
    device: str
    visit: str | None


class PointGeometry(Shape):
    """A GeoJSON point: longitude, latitude."""

    type: Literal["Point"]
    coordinates: tuple[float, float]


class TrackPoint(Shape):
    """What is known of a point of a track."""

    nurse: str
    device: str
    visit: str | None
    time: datetime
    received_at: datetime
    accuracy_m: float | None


class TrackFeature(Shape):
    """A point of a track as a GeoJSON feature."""

    type: Literal["Feature"]
    geometry: PointGeometry
    properties: TrackPoint


class Track(Shape):
    """Where a nurse was, oldest first; `next` is the cursor of what follows."""

    type: Literal["FeatureCollection"]
    features: list[TrackFeature]
    next: str | None


class Nurse(Shape):
    """A nurse."""

    id: str
    name: str
    org: str
    phone: str | None
    on_visit: bool


class Device(Shape):
    """A device and how it is."""

    id: str
    kind: DeviceKind
    nurse: str | None
    org: str
    codec: str
    external_id: str | None
    state: Literal["online", "offline", "unknown"]
    last_heard_at: datetime | None
    battery_pct: float | None
    signal_dbm: float | None
    firmware: str | None
    revoked: bool


class IssuedDevice(Device):
    """A device that was just added, with the secret that is shown this once."""

    secret: str


class NewSecret(Shape):
    """A device's new secret, shown this once."""

    id: str
    secret: str


class Fence(Shape):
    """A shared fence: GeoJSON in WGS-84; a Point has a radius."""

    id: str
    org: str
    name: str
    mode: Mode
    geometry: dict[str, Any]
    radius_m: float | None


class Responder(Shape):
    """Who is told of an alert."""

    id: str
    org: str
    name: str
    channels: list[str]
    lat: float | None
    lon: float | None


class Tier(Shape):
    """Who is told `after_s` seconds after the tier before."""

    after_s: float
    responders: list[str]


class Policy(Shape):
    """An escalation policy."""

    id: str
    org: str
    name: str
    tiers: list[Tier]


class Org(Shape):
    """An organisation."""

    id: str
    name: str
    parent: str | None


class User(Shape):
    """A person at the console."""

    id: str
    org: str
    login: str
    role: Role
    disabled: bool


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


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str


class InputProblem(Problem):
    """Which fields cannot be taken, and why."""

    errors: list[dict[str, str]] = []


class Overtaken(Problem):
    """Someone was first: the alert as it is now, who did it and when."""

    current: Alert
    by: str | None
    at: datetime | None
