// The nurses on the map: points styled by the age of the position, accuracy circles, names when there is room.

import { freshness } from "./select.js";

const POINT_PX = 4.5;
const CROWD = 800; // above this many in sight points shrink and accuracy is left out
const ACCURACY_ZOOM = 15;
const NAMES_ZOOM = 14;
const NAMES_MOST = 60;
const HIT_PX = 14;
const TAU = 2 * Math.PI;

/**
 * Draw `positions`; returns what was drawn as [{nurse, x, y}] in canvas pixels, for `nearest`.
 * One path per style: thousands of points cost a handful of fills.
 */
export function drawPeople(ctx, frame, positions, chosenNurse, style) {
  const groups = { fresh: [], ageing: [], old: [] };
  const drawn = [];
  for (const position of positions) {
    if (!frame.bounds.contains([position.lat, position.lon])) continue;
    const [x, y] = frame.xy(position.lat, position.lon);
    const one = { nurse: position.nurse, x, y, position };
    drawn.push(one);
    groups[freshness(position.time)].push(one);
  }
  const crowd = drawn.length > CROWD;
  if (!crowd && frame.zoom >= ACCURACY_ZOOM) drawAccuracy(ctx, frame, drawn, style);
  const radius = crowd ? POINT_PX * 0.6 : POINT_PX;
  dots(ctx, groups.old, radius, { stroke: style.old });
  dots(ctx, groups.ageing, radius, { fill: style.ageing, stroke: style.halo });
  dots(ctx, groups.fresh, radius, { fill: style.fresh, stroke: style.halo });
  const chosen = drawn.find((one) => one.nurse === chosenNurse);
  if (chosen) ring(ctx, chosen, radius + 5, style.chosen);
  if (frame.zoom >= NAMES_ZOOM && drawn.length <= NAMES_MOST) names(ctx, drawn, radius, style);
  else if (chosen) names(ctx, [chosen], radius, style);
  return drawn;
}

function dots(ctx, group, radius, { fill, stroke }) {
  if (!group.length) return;
  ctx.beginPath();
  for (const { x, y } of group) {
    ctx.moveTo(x + radius, y);
    ctx.arc(x, y, radius, 0, TAU);
  }
  ctx.lineWidth = 1.5;
  if (stroke) {
    ctx.strokeStyle = stroke;
    ctx.stroke();
  }
  if (fill) {
    ctx.fillStyle = fill;
    ctx.fill();
  }
}

function drawAccuracy(ctx, frame, drawn, style) {
  ctx.beginPath();
  for (const { x, y, position } of drawn) {
    if (position.accuracy_m == null) continue;
    const r = position.accuracy_m * frame.pixelsPerMetre(position.lat);
    ctx.moveTo(x + r, y);
    ctx.arc(x, y, r, 0, TAU);
  }
  ctx.fillStyle = style.accuracy;
  ctx.fill();
}

function ring(ctx, { x, y }, radius, colour) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, TAU);
  ctx.lineWidth = 2;
  ctx.strokeStyle = colour;
  ctx.stroke();
}

function names(ctx, drawn, radius, style) {
  ctx.font = style.font;
  ctx.textBaseline = "middle";
  ctx.lineWidth = 3;
  ctx.lineJoin = "round";
  ctx.strokeStyle = style.halo;
  ctx.fillStyle = style.name;
  for (const { x, y, position } of drawn) {
    if (!position.nurse_name) continue;
    ctx.strokeText(position.nurse_name, x + radius + 5, y);
    ctx.fillText(position.nurse_name, x + radius + 5, y);
  }
}

/** The nurse drawn nearest to (x, y), within a finger's width; null when there is none. */
export function nearest(drawn, x, y) {
  let best = null;
  let bestSquare = HIT_PX * HIT_PX;
  for (const one of drawn) {
    const square = (one.x - x) ** 2 + (one.y - y) ** 2;
    if (square < bestSquare) [best, bestSquare] = [one, square];
  }
  return best?.nurse ?? null;
}

/** The alarm's own position: its accuracy, and a line to where the nurse has been seen since. */
export function drawAlarmGround(ctx, frame, alert, latest, style) {
  const { position } = alert;
  if (!position) return;
  if (position.accuracy_m != null) {
    const [x, y] = frame.xy(position.lat, position.lon);
    ctx.beginPath();
    ctx.arc(x, y, Math.max(2, position.accuracy_m * frame.pixelsPerMetre(position.lat)), 0, TAU);
    ctx.fillStyle = style.alarmFill;
    ctx.strokeStyle = style.alarm;
    ctx.lineWidth = 1.5;
    ctx.fill();
    ctx.stroke();
  }
  if (!latest || Date.parse(latest.time) <= Date.parse(position.time)) return;
  ctx.beginPath();
  ctx.moveTo(...frame.xy(position.lat, position.lon));
  ctx.lineTo(...frame.xy(latest.lat, latest.lon));
  ctx.setLineDash([4, 4]);
  ctx.strokeStyle = style.alarm;
  ctx.lineWidth = 1.5;
  ctx.stroke();
  ctx.setLineDash([]);
}
