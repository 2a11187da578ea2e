// Fences on the map: areas, circles and corridors; where to stay in as a dashed line, where not to go hatched by a stronger one.

import { traceCircle } from "./draw_ground.js";

const LEAST_PX = 3; // a corridor is never drawn thinner, so that it is seen from afar
const CAP_STEPS = 8; // corners of a half circle
const SHARPEST = 1.5; // a bend reaches out by so many half widths at most: the true edge by one

const boxes = new WeakMap(); // by geometry: [west, south, east, north]

/** The shared fences, and of the visits' own those of `shown` (ids); that of id `chosen` is drawn stronger. */
export function drawFences(ctx, frame, fences, style, { shown = new Set(), chosen = null } = {}) {
  for (const fence of fences) {
    if ((fence.visit && !shown.has(fence.visit)) || !isInSight(frame, fence)) continue;
    const keepOut = fence.mode === "keep_out";
    ctx.setLineDash(keepOut ? [2, 3] : [8, 5]);
    ctx.lineWidth = (keepOut ? 2 : 1.2) + (fence.id === chosen ? 1.5 : 0);
    ctx.strokeStyle = keepOut ? style.keepOut : style.fence;
    ctx.fillStyle = keepOut ? style.keepOutFill : "transparent";
    ctx.beginPath();
    const isLine = traceGeometry(ctx, frame, fence.geometry, fence);
    ctx.fill(isLine ? "nonzero" : "evenodd");
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

/** Add a geometry to the path; tells whether it is a line. */
function traceGeometry(ctx, frame, geometry, { radius_m: radiusM, width_m: widthM }) {
  const { type, coordinates } = geometry ?? {};
  if (type === "Point") traceCircle(ctx, frame, coordinates[1], coordinates[0], radiusM ?? 0);
  else if (type === "Polygon") coordinates.forEach((ring) => traceRing(ctx, frame, ring));
  else if (type === "MultiPolygon") coordinates.flat().forEach((ring) => traceRing(ctx, frame, ring));
  else if (type === "LineString") traceBand(ctx, frame, coordinates, widthM ?? 0);
  else if (type === "MultiLineString") coordinates.forEach((line) => traceBand(ctx, frame, line, widthM ?? 0));
  return Boolean(type?.endsWith("LineString"));
}

function traceRing(ctx, frame, ring) {
  trace(
    ctx,
    ring.map(([lon, lat]) => frame.xy(lat, lon)),
  );
}

function trace(ctx, points) {
  points.forEach(([x, y], index) => {
    if (index) ctx.lineTo(x, y);
    else ctx.moveTo(x, y);
  });
  ctx.closePath();
}

// A line with its width: along its left side, around its end, back along the right one, around its beginning.
function traceBand(ctx, frame, line, widthM) {
  const points = line.map(([lon, lat]) => frame.xy(lat, lon)).filter(isNew);
  if (points.length < 2) return;
  const half = Math.max(widthM * frame.pixelsPerMetre(line[0][1]), LEAST_PX) / 2;
  const left = points.map((_, index) => beside(points, index, half));
  const right = points.map((_, index) => beside(points, index, -half));
  const last = points.length - 1;
  trace(ctx, [
    ...left,
    ...cap(points[last], directionOf(points[last - 1], points[last]), half),
    ...right.reverse(),
    ...cap(points[0], directionOf(points[1], points[0]), half),
  ]);
}

const isNew = ([x, y], index, points) => !index || x !== points[index - 1][0] || y !== points[index - 1][1];

const directionOf = ([x, y], [toX, toY]) => Math.atan2(toY - y, toX - x);

// The point `half` px to the left of a line's vertex, seen along the line; where the line bends, on the bisector.
function beside(points, index, half) {
  const [x, y] = points[index];
  const before = directionOf(points[Math.max(index - 1, 0)], points[Math.max(index, 1)]);
  const after = directionOf(points[Math.min(index, points.length - 2)], points[Math.min(index + 1, points.length - 1)]);
  const bend = (((after - before + 3 * Math.PI) % (2 * Math.PI)) - Math.PI) / 2;
  const reach = half * Math.min(1 / Math.max(Math.cos(bend), 1e-6), SHARPEST);
  const across = before + bend - Math.PI / 2;
  return [x + reach * Math.cos(across), y + reach * Math.sin(across)];
}

function cap([x, y], direction, half) {
  return Array.from({ length: CAP_STEPS - 1 }, (_, step) => {
    const turn = direction - Math.PI / 2 + ((step + 1) * Math.PI) / CAP_STEPS;
    return [x + half * Math.cos(turn), y + half * Math.sin(turn)];
  });
}

function isInSight(frame, { geometry, radius_m: radiusM, width_m: widthM }) {
  if (!geometry) return false;
  if (!boxes.has(geometry)) boxes.set(geometry, boxOf(geometry.coordinates));
  const [west, south, east, north] = boxes.get(geometry);
  const lat = Math.min(Math.max(Math.abs(south), Math.abs(north)), 89);
  const up = (radiusM ?? widthM ?? 0) / 111_000;
  const aside = up / Math.cos((lat * Math.PI) / 180);
  const { bounds } = frame;
  return (
    west - aside <= bounds.getEast() &&
    east + aside >= bounds.getWest() &&
    south - up <= bounds.getNorth() &&
    north + up >= bounds.getSouth()
  );
}

function boxOf(coordinates) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  const look = (part) => {
    if (typeof part[0] !== "number") return part.forEach(look);
    const [lon, lat] = part;
    box.splice(0, 4, Math.min(box[0], lon), Math.min(box[1], lat), Math.max(box[2], lon), Math.max(box[3], lat));
  };
  look(coordinates);
  return box;
}
