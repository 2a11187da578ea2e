"""LocalMetres: a flat map in metres around a place, anywhere on earth."""

import math

import numpy as np
from numpy.typing import NDArray

_A_M = 6_378_137.0  # WGS-84 semi-major axis
_E2 = 0.006_694_379_990_14  # WGS-84 first eccentricity squared
_POLAR_DEG = 85.0
"""Beyond this latitude meridians run together so fast that a map of them must be drawn around the pole."""


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Return the metres of a degree (eastward, northward) at a latitude.

    They follow from the radii of curvature of the WGS-84 ellipsoid.
    """
    phi = math.radians(lat)
    root = 1.0 - _E2 * math.sin(phi) ** 2
    north_m = math.radians(_A_M * (1.0 - _E2) / (root * math.sqrt(root)))
    return math.radians(_A_M * math.cos(phi) / math.sqrt(root)), north_m


def apart_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the metres between two places; 0.7 m wrong at 20 km, some percent across an ocean."""
    if lat > _POLAR_DEG or lat < -_POLAR_DEG:
        x, y = LocalMetres(lat, lon).of(other_lat, other_lon)
    else:
        d_lon = other_lon - lon
        if d_lon > 180.0:
            d_lon -= 360.0
        elif d_lon < -180.0:
            d_lon += 360.0
        east_m, north_m = metres_per_degree(lat)
        x, y = d_lon * east_m, (other_lat - lat) * north_m
    # Not hypot: its last bit differs between libraries, and a replay must give the same answer.
    return math.sqrt(x * x + y * y)


class LocalMetres:
    """A map from WGS-84 degrees to metres east and north of a place, and back.

    It is affine, so that what is inside in degrees is inside in metres. Beyond 85 degrees of latitude it is
    a map around the pole instead (azimuthal, equidistant).
    """

    __slots__ = ("_pole", "_x", "_y", "east_m", "lat", "lon", "north_m")

    def __init__(self, lat: float, lon: float) -> None:
        self.lat = lat
        self.lon = lon
        self._pole = 0.0 if abs(lat) <= _POLAR_DEG else math.copysign(90.0, lat)
        self.east_m, self.north_m = metres_per_degree(lat)
        self._x = self._y = 0.0
        if self._pole:
            self._x, self._y = self._around_pole(lat, lon)

    @property
    def polar(self) -> bool:
        """Whether it is drawn around a pole."""
        return self._pole != 0.0

    def of(self, lat: float, lon: float) -> tuple[float, float]:
        """Return metres (east, north) of a position, the short way around the antimeridian."""
        if self._pole:
            x, y = self._around_pole(lat, lon)
            return x - self._x, y - self._y
        d_lon = lon - self.lon
        if d_lon > 180.0:
            d_lon -= 360.0
        elif d_lon < -180.0:
            d_lon += 360.0
        return d_lon * self.east_m, (lat - self.lat) * self.north_m

    def of_many(self, lon_lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return metres (east, north) of positions (lon, lat): arrays of shape (n, 2)."""
        if self._pole:
            return np.array([self.of(lat, lon) for lon, lat in lon_lat.tolist()]).reshape(-1, 2)
        d_lon = lon_lat[:, 0] - self.lon
        d_lon = np.where(d_lon > 180.0, d_lon - 360.0, np.where(d_lon < -180.0, d_lon + 360.0, d_lon))
        return np.column_stack([d_lon * self.east_m, (lon_lat[:, 1] - self.lat) * self.north_m])

    def back_many(self, metres: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return positions (lon, lat) of metres; not polar, and beyond ±180 past the antimeridian."""
        return np.column_stack(
            [self.lon + metres[:, 0] / self.east_m, self.lat + metres[:, 1] / self.north_m]
        )

    def _around_pole(self, lat: float, lon: float) -> tuple[float, float]:
        reach_m = (90.0 - math.copysign(1.0, self._pole) * lat) * self.north_m
        turn = math.radians(lon)
        return reach_m * math.sin(turn), reach_m * math.cos(turn)
