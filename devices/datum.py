"""Datums: conversion between WGS-84 and the shifted datums of Chinese maps (GCJ-02, BD-09).

The shift is the published one of the public-domain reverse engineering of GCJ-02 (Krasovsky 1940
ellipsoid); inverting it by iteration is exact to well under a centimetre. Abroad nothing is shifted: what
Baidu's SDK gives there is WGS-84 as well, whatever it was asked for.
"""

import math

from devices.reports import Datum

_A_M = 6_378_245.0  # semi-major axis of Krasovsky 1940
_E2 = 0.006_693_421_622_965_943  # its squared eccentricity
_BD_X_PI = math.pi * 3000.0 / 180.0
_CHINA = (0.8293, 55.8271, 72.004, 137.8347)  # south, north, west, east
_ITERATIONS = 6


def to_wgs84(lat: float, lon: float, datum: Datum) -> tuple[float, float]:
    """Return the WGS-84 (lat, lon) in degrees of a place given in `datum`."""
    if datum == "wgs84":
        return lat, lon
    if datum == "bd09" and _in_china(lat, lon):
        lat, lon = _bd09_to_gcj02(lat, lon)
    return _gcj02_to_wgs84(lat, lon)


def from_wgs84(lat: float, lon: float, datum: Datum) -> tuple[float, float]:
    """Return the (lat, lon) in degrees that a map in `datum` shows for a WGS-84 place."""
    if datum == "wgs84":
        return lat, lon
    shown = _wgs84_to_gcj02(lat, lon)
    return _gcj02_to_bd09(*shown) if datum == "bd09" and _in_china(lat, lon) else shown


def _in_china(lat: float, lon: float) -> bool:
    south, north, west, east = _CHINA
    return south <= lat <= north and west <= lon <= east


def _wgs84_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    if not _in_china(lat, lon):
        return lat, lon
    x, y = lon - 105.0, lat - 35.0
    phi = math.radians(lat)
    root = 1.0 - _E2 * math.sin(phi) ** 2
    north_m, east_m = _shift_lat(x, y), _shift_lon(x, y)
    d_lat = north_m * 180.0 / (_A_M * (1.0 - _E2) / (root * math.sqrt(root)) * math.pi)
    d_lon = east_m * 180.0 / (_A_M / math.sqrt(root) * math.cos(phi) * math.pi)
    return lat + d_lat, lon + d_lon


def _gcj02_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    if not _in_china(lat, lon):
        return lat, lon
    guess_lat, guess_lon = lat, lon
    for _ in range(_ITERATIONS):
        shown_lat, shown_lon = _wgs84_to_gcj02(guess_lat, guess_lon)
        guess_lat, guess_lon = guess_lat + lat - shown_lat, guess_lon + lon - shown_lon
    return guess_lat, guess_lon


def _shift_lat(x: float, y: float) -> float:
    shift = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    shift += (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    shift += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    shift += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    return shift


def _shift_lon(x: float, y: float) -> float:
    shift = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    shift += (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    shift += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    shift += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    return shift


def _gcj02_to_bd09(lat: float, lon: float) -> tuple[float, float]:
    radius = math.sqrt(lon * lon + lat * lat) + 0.00002 * math.sin(lat * _BD_X_PI)
    angle = math.atan2(lat, lon) + 0.000003 * math.cos(lon * _BD_X_PI)
    return radius * math.sin(angle) + 0.006, radius * math.cos(angle) + 0.0065


def _bd09_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    guess_lat, guess_lon = lat - 0.006, lon - 0.0065
    for _ in range(_ITERATIONS):
        shown_lat, shown_lon = _gcj02_to_bd09(guess_lat, guess_lon)
        guess_lat, guess_lon = guess_lat + lat - shown_lat, guess_lon + lon - shown_lon
    return guess_lat, guess_lon
