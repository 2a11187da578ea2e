"""Master data: who there is, and what is planned."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from devices.commands import CommandKind
from safety.api.schemas.shapes import Page, Shape
from safety.domain.fence_import import Mode
from safety.domain.policy import PagingSeverity
from safety.store.deliveries import DeliveryState
from safety.store.users import Role
from safety.store.visits import Risk


class Nurse(Shape):
    """A nurse."""

    id: str
    name: str
    org: str
    phone: str | None
    on_visit: bool


class DeviceCommand(Shape):
    """What a device was told or is to be told, and what became of it."""

    id: str
    device: str
    kind: CommandKind
    details: dict[str, Any]
    alert: str | None
    state: DeliveryState
    asked_by: str | None
    created_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    fetched_at: datetime | None
    answered_at: datetime | None
    attempts: int


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
    state: Literal["planned", "active", "ended", "cancelled"]


class PlannedVisit(Visit):
    """A visit with the limits of the rules that it sets itself."""

    limits: dict[str, float | str]


class FenceHours(Shape):
    """When a fence counts, by the wall clock of its zone."""

    days: list[str]
    from_: str = Field(alias="from")
    to: str
    zone: str


class Fence(Shape):
    """A fence: GeoJSON in WGS-84; a Point has a radius, a line a width from side to side.

    `visit`: it counts during that visit only; `schedule` null: always; `limits` are those it sets itself.
    """

    id: str
    org: str
    name: str
    mode: Mode
    geometry: dict[str, Any]
    radius_m: float | None
    width_m: float | None
    visit: str | None
    schedule: FenceHours | None
    limits: dict[str, float]


class AddedFence(Fence):
    """A fence that was just added; `repairs` says what of its geometry was mended."""

    repairs: list[str]


class ImportedFences(Shape):
    """The fences of a file, in its order; `repairs` says what was mended, and in which feature."""

    items: list[Fence]
    repairs: list[str]


class Responder(Shape):
    """Who is told of an alert."""

    id: str
    org: str
    name: str
    channels: list[str]
    lat: float | None
    lon: float | None


class Tier(Shape):
    """Who is told `after_s` seconds after the tier before, of alerts of at least `min_severity`."""

    after_s: float
    responders: list[str]
    min_severity: PagingSeverity = "warning"


class Policy(Shape):
    """An escalation policy."""

    id: str
    org: str
    name: str
    tiers: list[Tier]


class Org(Shape):
    """An organisation, with the limits of the rules that it sets itself."""

    id: str
    name: str
    parent: str | None
    limits: dict[str, float | str]


class RuleLimit(Shape):
    """What the rules go by: the value, and whether it was set here, above, or is the default."""

    name: str
    value: float | str | None
    unit: str
    default: float | str | None
    from_: Literal["here", "above", "default"] = Field(alias="from")
    means: str


class RuleLimits(Page[RuleLimit]):
    """Every limit that the rules go by in an organisation or during a visit, which is `subject`."""

    subject: str


class User(Shape):
    """A person at the console."""

    id: str
    org: str
    login: str
    role: Role
    disabled: bool
