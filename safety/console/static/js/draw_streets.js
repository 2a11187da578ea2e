// The offline ground: water, green and streets out of a GeoJSON file the operator has put beside the data.
//
// Understands features of kind `water`, `green`, `avenue`, `street`, `lane` (property `kind`), and OpenStreetMap's
// `natural=water`, `leisure=park`, `highway=*`, so that an extract can be used as it is.

import { lang } from "./i18n.js";

const WIDTH_PX = { avenue: 3.5, street: 2, lane: 1.2 };
const FROM_ZOOM = { avenue: 0, street: 12, lane: 14.5 };
const NAMES_ZOOM = { avenue: 13.5, street: 14.5, lane: 17 };
const ORDER = ["lane", "street", "avenue"];
const STRAIGHT = 0.94; // of a name's length its way must cover, or the name would bend
const NAME_GAP_PX = 10;

const AVENUES = new Set(["motorway", "trunk", "primary"]);
const STREETS = new Set(["secondary", "tertiary", "residential", "unclassified"]);

function kindOf({ kind, natural, leisure, highway }) {
  if (kind) return kind;
  if (natural === "water") return "water";
  if (leisure === "park") return "green";
  if (!highway) return null;
  if (AVENUES.has(highway)) return "avenue";
  return STREETS.has(highway) ? "street" : "lane";
}

/** Sort a FeatureCollection for drawing: {areas: [{kind, rings}], ways: {lane, street, avenue: [{line, box, names}]}}. */
export function readGround(collection) {
  const ground = { areas: [], ways: { lane: [], street: [], avenue: [] } };
  for (const { geometry, properties } of collection.features ?? []) {
    const kind = kindOf(properties ?? {});
    if (geometry?.type === "Polygon") ground.areas.push({ kind, rings: geometry.coordinates });
    else if (geometry?.type === "MultiPolygon") ground.areas.push({ kind, rings: geometry.coordinates.flat() });
    else if (geometry?.type === "LineString") addWay(ground, kind, geometry.coordinates, properties);
    else if (geometry?.type === "MultiLineString") {
      for (const line of geometry.coordinates) addWay(ground, kind, line, properties);
    }
  }
  return ground;
}

function addWay(ground, kind, line, properties) {
  const group = ground.ways[kind] ?? ground.ways.lane;
  const lats = line.map(([, lat]) => lat);
  const lons = line.map(([lon]) => lon);
  const box = [
    [Math.min(...lats), Math.min(...lons)],
    [Math.max(...lats), Math.max(...lons)],
  ];
  group.push({ line, box, names: { zh: properties?.name, en: properties?.name_en ?? properties?.["name:en"] } });
}

/** Draw the ground under everything else. */
export function drawStreets(ctx, frame, ground, style) {
  for (const area of ground.areas) drawArea(ctx, frame, area, style);
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  const named = [];
  for (const kind of ORDER) {
    if (frame.zoom < FROM_ZOOM[kind]) continue;
    ctx.strokeStyle = kind === "avenue" ? style.avenue : style.street;
    ctx.lineWidth = WIDTH_PX[kind] * Math.min(2.2, Math.max(0.6, 2 ** ((frame.zoom - 15) / 2)));
    for (const way of ground.ways[kind]) {
      if (!frame.bounds.intersects(way.box)) continue;
      const points = way.line.map(([lon, lat]) => frame.xy(lat, lon));
      trace(ctx, points);
      if (frame.zoom >= NAMES_ZOOM[kind]) named.unshift({ points, name: nameOf(way) });
    }
  }
  drawNames(ctx, named, style);
}

const nameOf = ({ names }) => (lang() === "en" ? (names.en ?? names.zh) : (names.zh ?? names.en));

function drawArea(ctx, frame, { kind, rings }, style) {
  ctx.fillStyle = kind === "water" ? style.water : style.green;
  ctx.beginPath();
  for (const ring of rings) {
    ring.forEach(([lon, lat], index) => {
      const [x, y] = frame.xy(lat, lon);
      if (index) ctx.lineTo(x, y);
      else ctx.moveTo(x, y);
    });
    ctx.closePath();
  }
  ctx.fill("evenodd");
}

function trace(ctx, points) {
  ctx.beginPath();
  points.forEach(([x, y], index) => (index ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  ctx.stroke();
}

function drawNames(ctx, named, style) {
  ctx.font = style.smallFont;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillStyle = style.streetName;
  ctx.strokeStyle = style.halo;
  ctx.lineWidth = 3;
  const taken = [];
  for (const { points, name } of named) {
    const place = name && placeName(points, ctx.measureText(name).width);
    if (!place || taken.some(([x, y, r]) => Math.hypot(x - place.x, y - place.y) < r + place.width / 2)) continue;
    taken.push([place.x, place.y, place.width / 2 + NAME_GAP_PX]);
    ctx.save();
    ctx.translate(place.x, place.y);
    ctx.rotate(place.angle);
    ctx.strokeText(name, 0, 0);
    ctx.fillText(name, 0, 0);
    ctx.restore();
  }
  ctx.textAlign = "start";
}

// In the middle of the way, if it is long and straight enough there; never upside down.
function placeName(points, width) {
  const lengths = points.map(([x, y], index) =>
    index ? Math.hypot(x - points[index - 1][0], y - points[index - 1][1]) : 0,
  );
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total < width * 1.4) return null;
  const from = along(points, lengths, (total - width) / 2);
  const to = along(points, lengths, (total + width) / 2);
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  if (Math.hypot(dx, dy) < width * STRAIGHT) return null;
  let angle = Math.atan2(dy, dx);
  if (Math.abs(angle) > Math.PI / 2) angle += Math.PI;
  return { x: (from[0] + to[0]) / 2, y: (from[1] + to[1]) / 2, angle, width };
}

function along(points, lengths, distance) {
  let left = distance;
  for (let index = 1; index < points.length; index += 1) {
    if (left <= lengths[index]) {
      const share = lengths[index] ? left / lengths[index] : 0;
      const [[ax, ay], [bx, by]] = [points[index - 1], points[index]];
      return [ax + (bx - ax) * share, ay + (by - ay) * share];
    }
    left -= lengths[index];
  }
  return points.at(-1);
}
