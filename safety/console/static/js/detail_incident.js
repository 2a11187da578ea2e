// The other alerts of an incident: which they are, how they stand, and the way to each.

import { selectAlert } from "./actions.js";
import { el } from "./dom.js";
import { t, term } from "./i18n.js";
import { alertIcon } from "./icons.js";
import { isHeld } from "./select.js";
import { isOpen, state } from "./store.js";
import { clockText } from "./time.js";

/** The other alerts of the incident, oldest first: as the feed last told, else as the detail came with them. */
export function incidentAlerts(alert) {
  const id = alert.incident ?? alert.id;
  const known = new Map((state.extras.get(alert.id)?.incident_alerts ?? []).map((one) => [one.id, one]));
  for (const one of state.alerts.values()) {
    if ((one.incident ?? one.id) === id && one.id !== alert.id) known.set(one.id, one);
  }
  return [...known.values()].sort((a, b) => Date.parse(a.raised_at) - Date.parse(b.raised_at) || (a.id < b.id ? -1 : 1));
}

/** How many others of the incident are open. */
export function openOthers(alert) {
  return incidentAlerts(alert).filter(isOpen).length;
}

/** One row for each of `others`; choosing it shows that alert. */
export function incidentRows(others) {
  return others.map((one) =>
    el(
      "li",
      { data: { testid: "incident-alert", alertId: one.id, state: one.state, severity: one.severity } },
      el("span", { class: "incident-icon" }, alertIcon(one.severity, one.kind)),
      el("button", { type: "button", class: "link", on: { click: () => selectAlert(one.id) } }, term("kind", one.kind)),
      el("span", { class: "chip", data: { state: one.state } }, term("state", one.state)),
      el("span", { class: "faint" }, clockText(one.raised_at), isHeld(state, one) ? ` · ${t("incident.held")}` : ""),
    ),
  );
}
