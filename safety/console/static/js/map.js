// The map: Leaflet, its panes, what is drawn in which, and where it looks. It moves only when a person asks.

import * as L from "/static/leaflet/leaflet-src.esm.js";

import { ALERT_PANE, drawAlertMarkers, namedMarkers } from "./alert_markers.js";
import { CanvasLayer } from "./canvas_layer.js";
import { crsOf } from "./datum.js";
import { byId, el } from "./dom.js";
import { drawFences } from "./draw_fences.js";
import { drawGraticule, drawVisits } from "./draw_ground.js";
import { drawAlarmGround, drawPeople, drawResponders, nearest } from "./draw_people.js";
import { drawStreets, readGround } from "./draw_streets.js";
import { t } from "./i18n.js";
import { mapStyle, onThemeChange } from "./map_style.js";
import { mountNurseCard } from "./nurse_card.js";
import { openAlerts } from "./select.js";
import { change, isOpen, state, view } from "./store.js";
import { now } from "./time.js";

const HOME = [[18, 74], [53, 134]]; // until there is anybody to look at
const CLOSE_ZOOM = 16;
const REDRAW_MS = 15_000; // points grow old without any message

let map = null;
let groundLayer = null; // graticule or streets: drawn when the map comes to rest
let layer = null; // people, fences, visits: drawn whenever the state changes
let ground = null;
let drawn = []; // what the last painting put where, in canvas pixels
let pad = { x: 0, y: 0 }; // the canvas begins this far left of and above the map
let fitted = false;

export function mountMap() {
  view(["session", "config"], ensureMap);
  view(["positions", "alerts", "visits", "fences", "responders", "selection", "lang"], draw);
  view(["selection", "alerts"], followSelection);
  view(["lang"], drawControls);
  view(["lang"], () => groundLayer?.redraw());
  mountNurseCard();
  onThemeChange(() => {
    draw();
    groundLayer?.redraw();
  });
  setInterval(draw, REDRAW_MS);
}

function ensureMap() {
  if (map || !state.me) return;
  const { tiles } = state.config;
  map = L.map(byId("map"), {
    crs: crsOf(tiles?.datum),
    attributionControl: false,
    zoomControl: false,
    keyboard: true,
    minZoom: 3,
    maxZoom: 19,
    maxBoundsViscosity: 1,
    // Between whole steps tiles would blur; without tiles the picture may fit tightly.
    zoomSnap: tiles ? 1 : 0.25,
  });
  map.createPane(ALERT_PANE).style.zIndex = "690";
  map.fitBounds(HOME);
  if (tiles) addTiles(tiles);
  L.control.scale({ imperial: false, maxWidth: 140 }).addTo(map);
  if (!tiles) groundLayer = new CanvasLayer(paintGround, { pane: "tilePane" }).addTo(map);
  layer = new CanvasLayer(paint, { pane: "overlayPane" }).addTo(map);
  map.on("moveend", publishView);
  map.on("click", (event) => chooseNurse(event.containerPoint));
  // Whoever has taken hold of the map before the first positions came keeps it.
  for (const gesture of ["pointerdown", "wheel", "keydown"]) {
    byId("map").addEventListener(gesture, () => (fitted = true), { capture: true, once: true, passive: true });
  }
  new ResizeObserver(() => map.invalidateSize({ animate: false, debounceMoveend: true })).observe(byId("map"));
  drawControls();
  draw();
  if (!tiles && document.documentElement.dataset.ground === "geojson") loadGround();
}

async function loadGround() {
  const answer = await fetch("/ground.geojson");
  if (!answer.ok) return;
  ground = readGround(await answer.json());
  groundLayer.redraw();
}

function paintGround(ctx, frame) {
  if (ground) drawStreets(ctx, frame, ground, mapStyle());
  else drawGraticule(ctx, frame, mapStyle());
}

function addTiles({ url, attribution }) {
  L.tileLayer(url, { maxZoom: 19, className: "tiles" }).addTo(map);
  const credit = L.control.attribution({ prefix: false });
  if (attribution) credit.addAttribution(textOnly(attribution));
  credit.addTo(map);
}

// Leaflet takes attributions as markup; configured text is text.
function textOnly(text) {
  const node = document.createElement("span");
  node.textContent = text;
  return node.innerHTML;
}

// Where the map looks, for tests and for whoever inspects the page: "lat,lon,zoom".
function publishView() {
  const { lat, lng } = map.getCenter();
  byId("map").dataset.view = [lat.toFixed(5), lng.toFixed(5), map.getZoom()].join(",");
}

function drawControls() {
  if (!map) return;
  byId("map").querySelector(".map-tools")?.remove();
  const tools = el(
    "div",
    { class: "map-tools leaflet-control" },
    tool("+", "map.zoom_in", () => map.zoomIn()),
    tool("−", "map.zoom_out", () => map.zoomOut()),
    tool("⤢", "map.fit", fitAll),
  );
  L.DomEvent.disableClickPropagation(tools);
  byId("map").append(tools);
  byId("map").setAttribute("aria-label", t("map.title"));
}

function tool(sign, key, run) {
  return el("button", { type: "button", class: "map-tool", title: t(key), "aria-label": t(key), on: { click: run } }, sign);
}

function draw() {
  if (!map) return;
  layer.redraw();
  drawAlertMarkers(map);
  if (!fitted && state.loaded && state.positions.size) fitAll();
}

function paint(ctx, frame) {
  const style = mapStyle();
  const alert = state.alerts.get(state.selected);
  const visits = visitsNow(alert);
  const shown = new Set(visits.map((visit) => visit.id));
  drawFences(ctx, frame, state.fences.values(), style, { shown, chosen: alert?.why?.fence });
  drawVisits(ctx, frame, visits, alert?.visit, style);
  if (alert && isOpen(alert)) drawAlarmGround(ctx, frame, alert, state.positions.get(alert.nurse), style);
  const taken = namedMarkers(ctx, frame, style);
  drawn = drawPeople(ctx, frame, state.positions.values(), state.selectedNurse ?? alert?.nurse, style, taken);
  drawResponders(ctx, frame, state.responders.values(), style, taken);
  pad = frame.pad;
}

function visitsNow(alert) {
  const present = now();
  const running = [...state.visits.values()].filter(
    (visit) => visit.state !== "cancelled" && Date.parse(visit.starts_at) <= present && Date.parse(visit.ends_at) >= present,
  );
  const chosen = alert?.visit && (state.visits.get(alert.visit) ?? state.extras.get(alert.id)?.visit_detail);
  return chosen && !running.includes(chosen) ? [...running, chosen] : running;
}

function chooseNurse(point) {
  const nurse = nearest(drawn, point.x + pad.x, point.y + pad.y);
  change(["selection"], (s) => {
    s.selectedNurse = nurse;
  });
}

/** Look at everybody and every open alert. */
export function fitAll() {
  if (!map) return;
  const points = [...state.positions.values(), ...openAlerts(state).map((alert) => alert.position)];
  const bounds = L.latLngBounds(points.filter(Boolean).map(({ lat, lon }) => [lat, lon]));
  if (!bounds.isValid()) return;
  fitted = true;
  map.fitBounds(bounds, { padding: [40, 40], maxZoom: CLOSE_ZOOM, animate: false });
}

/** Look at one alert from near. */
export function showOnMap(id) {
  const position = state.alerts.get(id)?.position;
  if (!map || !position) return;
  fitted = true;
  byId("map-pane").scrollIntoView({ block: "nearest" }); // on a phone it lies below
  map.setView([position.lat, position.lon], Math.max(map.getZoom(), CLOSE_ZOOM));
}

let followed = null;

// A chosen alert is brought into sight if it is out of it, once it is known; the zoom stays the dispatcher's.
function followSelection() {
  if (!map || state.selected === followed) return;
  if (state.selected && !state.alerts.has(state.selected)) return;
  followed = state.selected;
  const position = state.alerts.get(followed)?.position;
  if (position) map.panInside([position.lat, position.lon], { padding: [60, 60] });
}
