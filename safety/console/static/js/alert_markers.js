// Open alerts on the map: one button each in the topmost pane, above every nurse, worst on top.

import * as L from "/static/leaflet/leaflet-src.esm.js";

import { selectAlert } from "./actions.js";
import { el } from "./dom.js";
import { lang, t, term } from "./i18n.js";
import { alertIcon } from "./icons.js";
import { openAlerts, SEVERITIES } from "./select.js";
import { state } from "./store.js";

export const ALERT_PANE = "alerts";
const SIZE = 34;
const NAME_MOST_PX = 150; // as in the style sheet

const markers = new Map(); // alert id -> {marker, node, signature}

/** Bring the markers in step with the open alerts that have a position. */
export function drawAlertMarkers(map) {
  const open = openAlerts(state).filter((alert) => alert.position);
  const wanted = new Set(open.map((alert) => alert.id));
  for (const [id, { marker }] of markers) {
    if (wanted.has(id)) continue;
    marker.remove();
    markers.delete(id);
  }
  for (const alert of open) drawOne(map, alert);
}

/** Boxes of the markers that say whose alert they are, in canvas pixels: no other name goes there. */
export function namedMarkers(ctx, frame, style) {
  ctx.font = style.font;
  return openAlerts(state)
    .filter((alert) => alert.position && (alert.state === "raised" || alert.id === state.selected))
    .map(({ position, nurse_name }) => {
      const [x, y] = frame.xy(position.lat, position.lon);
      const name = Math.min(NAME_MOST_PX, ctx.measureText(nurse_name ?? "").width);
      return { left: x - SIZE / 2, top: y - SIZE / 2, width: SIZE + name, height: SIZE };
    });
}

function drawOne(map, alert) {
  let entry = markers.get(alert.id);
  const { lat, lon } = alert.position;
  if (!entry) {
    entry = create(map, alert);
    markers.set(alert.id, entry);
  }
  const at = entry.marker.getLatLng();
  if (at.lat !== lat || at.lng !== lon) entry.marker.setLatLng([lat, lon]);
  const chosen = alert.id === state.selected;
  const signature = [alert.severity, alert.kind, alert.state, alert.nurse_name, alert.test, chosen, lang()].join("|");
  if (entry.signature === signature) return;
  entry.signature = signature;
  const { node } = entry;
  node.className = "alert-marker";
  Object.assign(node.dataset, { severity: alert.severity, state: alert.state });
  node.toggleAttribute("data-chosen", chosen);
  node.toggleAttribute("data-test", Boolean(alert.test));
  node.replaceChildren(
    el("i", { class: "pulse", "aria-hidden": "true" }),
    alertIcon(alert.severity, alert.kind),
    el("span", { class: "alert-name" }, alert.nurse_name ?? ""),
  );
  const label = `${term("kind", alert.kind)}, ${alert.nurse_name ?? t("queue.no_nurse")}`;
  const element = entry.marker.getElement();
  element.title = label;
  element.setAttribute("aria-label", `${t("map.open_alert")}: ${label}`);
  // Worst first, then those nobody has taken: what is urgent is never covered by what is not.
  const rank = SEVERITIES.length - Math.max(0, SEVERITIES.indexOf(alert.severity));
  entry.marker.setZIndexOffset((chosen ? 100_000 : 0) + rank * 10_000 + (alert.state === "raised" ? 5_000 : 0));
}

function create(map, alert) {
  const node = el("div", { class: "alert-marker" });
  const icon = L.divIcon({ html: node, className: "alert-marker-box", iconSize: [SIZE, SIZE] });
  const marker = L.marker([alert.position.lat, alert.position.lon], { icon, pane: ALERT_PANE, riseOnHover: true });
  marker.on("click", () => selectAlert(alert.id));
  marker.addTo(map);
  marker.getElement().dataset.alertMarker = alert.id;
  return { marker, node, signature: null };
}
