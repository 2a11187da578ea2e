"""Positions and tracks."""

from datetime import datetime
from typing import Literal

from safety.api.schemas.shapes import Place, Shape


class NursePosition(Place):
    """Where a nurse was last."""

    nurse: str
    nurse_name: str
    device: str
    visit: str | None


class BareFix(Shape):
    """A fix by itself, in WGS-84 degrees."""

    lat: float
    lon: float
    accuracy_m: float | None
    time: datetime


class ListedPosition(NursePosition):
    """Where a nurse was last, with the fix once more by itself."""

    fix: BareFix


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
