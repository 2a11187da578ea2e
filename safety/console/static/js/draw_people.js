// The nurses on the map: points styled by the age of the position, accuracy circles, names when there is room.

import { freshness } from "./select.js";

const POINT_PX = 4.5;
const CROWD = 800; // above this many in sight points shrink and accuracy is left out
const ACCURACY_ZOOM = 15;
const NAMES_ZOOM = 14;
const NAMES_MOST = 60;
const NAME_PX = 14;
const HIT_PX = 14;
const TAU = 2 * Math.PI;

/**
 * Draw `positions`; returns what was drawn as [{nurse, x, y}] in canvas pixels, for `nearest`. Names are left out
 * where they would run into the boxes of `taken`, and are added to it.
 */
export function drawPeople(ctx, frame, positions, chosenNurse, style, taken) {
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
  const halo = crowd ? null : style.halo;
  dots(ctx, groups.old, radius, { stroke: style.old });
  dots(ctx, groups.ageing, radius, { fill: style.ageing, stroke: halo });
  dots(ctx, groups.fresh, radius, { fill: style.fresh, stroke: halo });
  const chosen = drawn.find((one) => one.nurse === chosenNurse);
  if (chosen) ring(ctx, chosen, radius + 5, style.chosen);
  const named = frame.zoom >= NAMES_ZOOM && drawn.length <= NAMES_MOST ? drawn.filter((one) => one !== chosen) : [];
  names(ctx, chosen ? [chosen, ...named] : named, radius, style, taken);
  return drawn;
}

// One small path a point: a single path over thousands of them takes three times as long to fill, and a halo around
// each five times (measured, software rendering). A crowd does without the halo.
function dots(ctx, group, radius, { fill, stroke }) {
  ctx.lineWidth = 1.5;
  if (stroke) ctx.strokeStyle = stroke;
  if (fill) ctx.fillStyle = fill;
  for (const { x, y } of group) {
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, TAU);
    if (stroke) ctx.stroke();
    if (fill) ctx.fill();
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

function names(ctx, drawn, radius, style, taken) {
  ctx.font = style.font;
  ctx.textBaseline = "middle";
  ctx.lineWidth = 3;
  ctx.lineJoin = "round";
  ctx.strokeStyle = style.halo;
  ctx.fillStyle = style.name;
  for (const { x, y, position } of drawn) {
    const text = position.nurse_name;
    if (!text) continue;
    const box = { left: x + radius + 5, top: y - NAME_PX / 2, width: ctx.measureText(text).width, height: NAME_PX };
    if (taken.some((other) => overlap(box, other))) continue;
    taken.push(box);
    ctx.strokeText(text, box.left, y);
    ctx.fillText(text, box.left, y);
  }
}

// Two names over each other tell nobody anything: the later one is left out until there is room.
function overlap(a, b) {
  return (
    a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height
  );
}

/** Those who can be sent, where they wait: squares, so that nobody takes them for nurses. */
export function drawResponders(ctx, frame, responders, style, taken) {
  const near = [];
  for (const { name, lat, lon } of responders) {
    if (lat == null || lon == null || !frame.bounds.contains([lat, lon])) continue;
    const [x, y] = frame.xy(lat, lon);
    near.push({ x, y, position: { nurse_name: name } });
    ctx.lineWidth = 1.5;
    ctx.strokeStyle = style.responder;
    ctx.strokeRect(x - POINT_PX, y - POINT_PX, 2 * POINT_PX, 2 * POINT_PX);
  }
  if (frame.zoom >= NAMES_ZOOM && near.length <= NAMES_MOST) names(ctx, near, POINT_PX, style, taken);
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
