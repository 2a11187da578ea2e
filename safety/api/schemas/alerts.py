"""Alerts and what belongs to them."""

from datetime import datetime
from typing import Any, Literal

from devices.registry.port import DeviceKind
from safety.api.schemas.master import Visit
from safety.api.schemas.shapes import Place, Problem, Shape
from safety.domain.alert import Resolution, State, TimelineWord
from safety.rules.effects import AlertKind, Severity


class AlertPlace(Place):
    """Where the alarm came from, or where the nurse was last before it."""

    source: Literal["alarm", "last_known"]


class Alert(Shape):
    """Someone may be in danger; `version` grows with every action but a note, and with every new state.

    `incident` is the id of the alert that opened the incident it belongs to: its own, or an earlier one of
    the same nurse. `held_by` is the alert of the incident for which people are paged instead; null: it
    pages by itself.
    """

    id: str
    incident: str
    held_by: str | None
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


class IncidentAlert(Shape):
    """Another alert of the same incident."""

    id: str
    kind: AlertKind
    severity: Severity
    state: State
    raised_at: datetime
    held_by: str | None


class TimelineEntry(Shape):
    """Something that happened to an alert; `actor` is the login of a person, null for the system."""

    seq: int
    at: datetime
    what: TimelineWord
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


class NurseContact(Shape):
    """Whom it concerns, and how to call her."""

    id: str
    name: str
    phone: str | None


class AlertDetail(Alert):
    """An alert with all that belongs to it."""

    timeline: list[TimelineEntry]
    incident_alerts: list[IncidentAlert]
    notifications: list[Notification]
    visit_detail: Visit | None
    nurse_detail: NurseContact | None


class Overtaken(Problem):
    """Someone was first: the alert as it is now, who did it and when."""

    current: Alert
    by: str | None
    at: datetime | None
