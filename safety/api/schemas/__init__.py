"""Schemas: the shapes of all answers, for OpenAPI; a test holds every answer to them.

Answers are encoded by msgspec straight from `views`; these models describe them and cost nothing at
run time.
"""

from safety.api.schemas.alerts import (
    Alert,
    AlertDetail,
    AlertPlace,
    Notification,
    NurseContact,
    Overtaken,
    TimelineEntry,
)
from safety.api.schemas.master import (
    Device,
    Fence,
    IssuedDevice,
    NewSecret,
    Nurse,
    Org,
    Policy,
    Responder,
    Tier,
    User,
    Visit,
)
from safety.api.schemas.places import NursePosition, PointGeometry, Track, TrackFeature, TrackPoint
from safety.api.schemas.service import (
    AuditRecord,
    Config,
    DeadLetter,
    DeadLetterHead,
    Health,
    Me,
    Readiness,
    Session,
    SessionUser,
    Tiles,
    WholeDeadLetter,
)
from safety.api.schemas.shapes import InputProblem, Page, Place, Problem, Shape

__all__ = [
    "Alert",
    "AlertDetail",
    "AlertPlace",
    "AuditRecord",
    "Config",
    "DeadLetter",
    "DeadLetterHead",
    "Device",
    "Fence",
    "Health",
    "InputProblem",
    "IssuedDevice",
    "Me",
    "NewSecret",
    "Notification",
    "Nurse",
    "NurseContact",
    "NursePosition",
    "Org",
    "Overtaken",
    "Page",
    "Place",
    "PointGeometry",
    "Policy",
    "Problem",
    "Readiness",
    "Responder",
    "Session",
    "SessionUser",
    "Shape",
    "Tier",
    "Tiles",
    "TimelineEntry",
    "Track",
    "TrackFeature",
    "TrackPoint",
    "User",
    "Visit",
    "WholeDeadLetter",
]
