// Distances on the sphere, good to half a percent: for words and for ordering, never for deciding.

import { t } from "./i18n.js";

const RADIUS_M = 6_371_008.8; // IUGG mean radius

/** Metres between two points {lat, lon} in degrees (haversine). */
export function distanceM(a, b) {
  const rad = Math.PI / 180;
  const dLat = (b.lat - a.lat) * rad;
  const dLon = (b.lon - a.lon) * rad;
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLon / 2) ** 2;
  return 2 * RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** "85 m", "1.2 km", "14 km": a length for people, in the page's language. */
export function metresText(m) {
  if (m < 1000) return t("unit.m", { n: Math.round(m) });
  return t("unit.km", { n: (m / 1000).toFixed(m < 10_000 ? 1 : 0) });
}
