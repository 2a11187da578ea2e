// The shifted datums of Chinese map tiles (GCJ-02, BD-09): conversion both ways, and the Leaflet CRS that hides them.
//
// Everything in Vigil is WGS-84. A map with shifted tiles projects through such a CRS, so that a point drawn at its true
// coordinates lies on the right street. A constant shift would drift by 50 m at 20 km.

import * as L from "/static/leaflet/leaflet-src.esm.js";

// Krasovsky 1940, as the published reference code of the conversion has it.
const A = 6378245.0;
const EE = 0.00669342162296594323;
const BD_X_PI = (Math.PI * 3000) / 180;
const INVERSE_STEPS = 12;
const INVERSE_DEG = 1e-11;

function outsideChina(lat, lon) {
  return lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271;
}

const { PI, abs, atan2, cos, sin, sqrt } = Math;

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

function wgsToGcj(lat, lon) {
  if (outsideChina(lat, lon)) return [lat, lon];
  const phi = (lat / 180) * PI;
  const magic = 1 - EE * sin(phi) ** 2;
  const dLat = (shiftLat(lon - 105, lat - 35) * 180) / (((A * (1 - EE)) / (magic * sqrt(magic))) * PI);
  const dLon = (shiftLon(lon - 105, lat - 35) * 180) / ((A / sqrt(magic)) * cos(phi) * PI);
  return [lat + dLat, lon + dLon];
}

function gcjToBd(lat, lon) {
  const radius = sqrt(lon * lon + lat * lat) + 0.00002 * sin(lat * BD_X_PI);
  const angle = atan2(lat, lon) + 0.000003 * cos(lon * BD_X_PI);
  return [radius * sin(angle) + 0.006, radius * cos(angle) + 0.0065];
}

const FORWARD = {
  wgs84: (lat, lon) => [lat, lon],
  gcj02: wgsToGcj,
  bd09: (lat, lon) => (outsideChina(lat, lon) ? [lat, lon] : gcjToBd(...wgsToGcj(lat, lon))),
};

/** Where a map in `datum` shows a WGS-84 place: [lat, lon] in degrees. Outside China nothing is shifted. */
export function fromWgs84(lat, lon, datum) {
  return FORWARD[datum](lat, lon);
}

/** The WGS-84 place a map in `datum` shows at (lat, lon), by fixed-point iteration, to about a micrometre. */
export function toWgs84(lat, lon, datum) {
  let [wLat, wLon] = [lat, lon];
  for (let step = 0; step < INVERSE_STEPS; step += 1) {
    const [shownLat, shownLon] = fromWgs84(wLat, wLon, datum);
    wLat += lat - shownLat;
    wLon += lon - shownLon;
    if (abs(lat - shownLat) < INVERSE_DEG && abs(lon - shownLon) < INVERSE_DEG) break;
  }
  return [wLat, wLon];
}

const mercator = L.Projection.SphericalMercator;

/** Web Mercator over tiles in `datum`, spoken to in WGS-84. */
export function crsOf(datum) {
  if (!(datum in FORWARD) || datum === "wgs84") return L.CRS.EPSG3857;
  const projection = L.extend({}, mercator, {
    project: ({ lat, lng }) => mercator.project(L.latLng(fromWgs84(lat, lng, datum))),
    unproject(point) {
      const { lat, lng } = mercator.unproject(point);
      return L.latLng(toWgs84(lat, lng, datum));
    },
  });
  return L.extend({}, L.CRS.EPSG3857, { code: `VIGIL:${datum}`, projection });
}
