"""The demo's ground: its streets and river as GeoJSON, for a map that needs no network."""

from importlib.resources import files
from typing import Any

import msgspec


def district() -> dict[str, Any]:
    """Return the invented district: streets, homes and people; its points are [lat, lon] in degrees."""
    content: dict[str, Any] = msgspec.json.decode(
        files("simulators").joinpath("data/shanghai.json").read_bytes()
    )
    return content


def ground() -> bytes:
    """Return the district's water and streets as a GeoJSON FeatureCollection (WGS-84)."""
    place = district()
    shore = place["river"]["polygon"]
    water = {"type": "Polygon", "coordinates": [_turned([*shore, shore[0]])]}
    features = [_feature(water, "water", place["river"])]
    for way in place["ways"]:
        line = {"type": "LineString", "coordinates": _turned([place["nodes"][node] for node in way["nodes"]])}
        kind = way["kind"] if way["kind"] in ("avenue", "street") else "lane"
        features.append(_feature(line, kind, way))
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


def _feature(geometry: dict[str, Any], kind: str, named: dict[str, Any]) -> dict[str, Any]:
    properties = {"kind": kind, "name": named["name"], "name_en": named["name_en"]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _turned(points: list[list[float]]) -> list[list[float]]:
    return [[lon, lat] for lat, lon in points]
