// GCJ-02, the shifted datum of Chinese map tiles: conversion both ways, and the Leaflet CRS that hides it.
//
// Everything in Vigil is WGS-84. A map with GCJ-02 tiles projects through this CRS, so that a point drawn at its true
// coordinates lies on the right street. A constant shift would drift by 50 m at 20 km.

import * as L from "/static/leaflet/leaflet-src.esm.js";

// Krasovsky 1940, as the published reference code of the conversion has it.
const A = 6378245.0;
const EE = 0.00669342162296594323;
const INVERSE_STEPS = 12;
const INVERSE_DEG = 1e-11;

function outsideChina(lat, lon) {
  return lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271;
}

const { PI, abs, cos, sin, sqrt } = Math;

function shiftLat(x, y) {
  let d = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x));
  d += ((20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2) / 3;
  d += ((20 * sin(y * PI) + 40 * sin((y / 3) * PI)) * 2) / 3;
  d += ((160 * sin((y / 12) * PI) + 320 * sin((y * PI) / 30)) * 2) / 3;
  return d;
}

function shiftLon(x, y) {
  let d = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x));
  d += ((20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2) / 3;
  d += ((20 * sin(x * PI) + 40 * sin((x / 3) * PI)) * 2) / 3;
  d += ((150 * sin((x / 12) * PI) + 300 * sin((x / 30) * PI)) * 2) / 3;
  return d;
}

/** WGS-84 degrees to GCJ-02 degrees: [lat, lon]. Outside China nothing is shifted. */
export function toGcj02(lat, lon) {
  if (outsideChina(lat, lon)) return [lat, lon];
  const phi = (lat / 180) * PI;
  const magic = 1 - EE * sin(phi) ** 2;
  const dLat = (shiftLat(lon - 105, lat - 35) * 180) / (((A * (1 - EE)) / (magic * sqrt(magic))) * PI);
  const dLon = (shiftLon(lon - 105, lat - 35) * 180) / ((A / sqrt(magic)) * cos(phi) * PI);
  return [lat + dLat, lon + dLon];
}

/** GCJ-02 degrees to WGS-84 degrees: [lat, lon], by fixed-point iteration, exact to about a micrometre. */
export function fromGcj02(lat, lon) {
  if (outsideChina(lat, lon)) return [lat, lon];
  let [wLat, wLon] = [lat, lon];
  for (let step = 0; step < INVERSE_STEPS; step += 1) {
    const [gLat, gLon] = toGcj02(wLat, wLon);
    wLat += lat - gLat;
    wLon += lon - gLon;
    if (abs(lat - gLat) < INVERSE_DEG && abs(lon - gLon) < INVERSE_DEG) break;
  }
  return [wLat, wLon];
}

const mercator = L.Projection.SphericalMercator;

/** Web Mercator over GCJ-02, spoken to in WGS-84. */
export const GCJ02_CRS = L.extend({}, L.CRS.EPSG3857, {
  code: "VIGIL:GCJ02",
  projection: L.extend({}, mercator, {
    project(latlng) {
      return mercator.project(L.latLng(toGcj02(latlng.lat, latlng.lng)));
    },
    unproject(point) {
      const shifted = mercator.unproject(point);
      return L.latLng(fromGcj02(shifted.lat, shifted.lng));
    },
  }),
});
