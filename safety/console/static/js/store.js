// The state of the page: one object, changed only through `change`, drawn by every view.
//
// A change names its topics. Views subscribe to topics and are called once per animation frame, however many
// frames of the feed arrived in between; what must not wait for a painted frame (sound, announcements: a hidden tab
// paints nothing) subscribes with `immediately`.

import { readPref } from "./prefs.js";

const CLOSED = new Set(["resolved", "cancelled"]);
const CLOSED_KEPT = 500;
const FLUSH_AT_LATEST_MS = 250;

const noFleet = () => ({
  tab: "board", // or "untested"
  board: null, // [{device, worries}], worst first; null: not read yet
  untested: null,
  failed: null, // why they could not be read
  filter: { text: "", kind: "", use: "in_use" },
  selected: null, // device id
  history: null, // who had the selected one
  asking: null, // what is about to be done with it: hand, test, rotate, revoke
  problem: null,
});

export const state = {
  me: null, // {login, role, org, org_name}
  config: { tiles: null, version: null, demo: false },
  connection: { status: "connecting", staleSince: null, lastFrameAt: null, attempt: 0 },
  loaded: false, // a full picture has been received at least once
  alerts: new Map(), // id -> alert
  extras: new Map(), // id -> {timeline, notifications, visit_detail, nurse_detail, incident_alerts}
  positions: new Map(), // nurse id -> position
  devices: new Map(), // id -> device
  nurses: new Map(),
  visits: new Map(),
  fences: new Map(),
  responders: new Map(),
  told: new Map(), // device id -> what it was told, newest first
  selected: null, // alert id
  missing: null, // the chosen alert's id, if there is none of that id, or not for us
  selectedNurse: null, // nurse id, on the map
  filter: readPref("filter") === "all" ? "all" : "open",
  busy: null, // {alert, action} while the server decides
  notice: null, // {alert, kind: "conflict" | "problem", ...}
  view: "alerts", // or "devices"
  fleet: noFleet(), // the devices' view
};

const views = [];
const watchers = [];
let dirty = new Set();
let scheduled = false;

/** Change the state: `topics` names what changed, `mutate` gets the state. */
export function change(topics, mutate) {
  mutate(state);
  for (const topic of topics) dirty.add(topic);
  for (const watcher of watchers) {
    if (topics.some((topic) => watcher.topics.has(topic))) guarded(watcher.run);
  }
  schedule();
}

/** Draw on the next frame after any of `topics` changed. */
export function view(topics, run) {
  views.push({ topics: new Set(topics), run });
}

/** React at once, also in a hidden tab. */
export function immediately(topics, run) {
  watchers.push({ topics: new Set(topics), run });
}

function schedule() {
  if (scheduled) return;
  scheduled = true;
  const timer = setTimeout(flush, FLUSH_AT_LATEST_MS);
  if (!document.hidden) {
    requestAnimationFrame(() => {
      clearTimeout(timer);
      flush();
    });
  }
}

function flush() {
  if (!scheduled) return;
  scheduled = false;
  const topics = dirty;
  dirty = new Set();
  for (const { topics: wanted, run } of views) {
    if ([...topics].some((topic) => wanted.has(topic))) guarded(run);
  }
}

// One broken panel must not blind the others: the error is reported, the rest is drawn.
function guarded(run) {
  try {
    run(state);
  } catch (error) {
    reportError(error);
  }
}

export function isOpen(alert) {
  return !CLOSED.has(alert.state);
}

/** Take alerts in. An older version never replaces a newer one, whichever way it came. */
export function putAlerts(alerts) {
  change(["alerts"], (s) => {
    for (const alert of alerts) {
      const known = s.alerts.get(alert.id);
      if (known && known.version > alert.version) continue;
      s.alerts.set(alert.id, alert);
    }
    forgetOldest(s);
  });
}

/** Take an alert's detail in: the alert itself, and what only the detail carries. */
export function putDetail(detail) {
  const { timeline, notifications, visit_detail, nurse_detail, incident_alerts, ...alert } = detail;
  const known = state.extras.get(alert.id);
  if (!known || known.version <= alert.version) {
    change(["extras"], (s) => {
      s.extras.set(alert.id, { version: alert.version, timeline, notifications, visit_detail, nurse_detail, incident_alerts });
    });
  }
  putAlerts([alert]);
}

/** Take positions in. An older one never replaces a newer one of the same nurse, whichever way it came. */
export function putPositions(positions) {
  change(["positions"], (s) => {
    for (const position of positions) {
      const known = s.positions.get(position.nurse);
      if (known && Date.parse(known.time) > Date.parse(position.time)) continue;
      s.positions.set(position.nurse, position);
    }
  });
}

/** Replace a collection keyed by id (`nurses`, `visits`, …) by a freshly read list. */
export function putAll(name, items) {
  change([name], (s) => {
    s[name] = new Map(items.map((item) => [item.id, item]));
  });
}

/** Merge items into a collection keyed by id. */
export function merge(name, items) {
  change([name], (s) => {
    for (const item of items) s[name].set(item.id, item);
  });
}

/** Forget everything about people: after logging out nothing may stay readable. */
export function forgetAll() {
  change(["alerts", "extras", "positions", "devices", "nurses", "visits", "fences", "selection", "session", "fleet"], (s) => {
    for (const name of ["alerts", "extras", "positions", "devices", "nurses", "visits", "fences", "responders", "told"]) {
      s[name] = new Map();
    }
    Object.assign(s, { me: null, loaded: false, selected: null, missing: null, selectedNurse: null, busy: null, notice: null, fleet: noFleet() });
  });
}

function forgetOldest(s) {
  const closed = [...s.alerts.values()].filter((alert) => !isOpen(alert) && alert.id !== s.selected);
  if (closed.length <= CLOSED_KEPT) return;
  closed.sort((a, b) => Date.parse(a.raised_at) - Date.parse(b.raised_at));
  for (const alert of closed.slice(0, closed.length - CLOSED_KEPT)) {
    s.alerts.delete(alert.id);
    s.extras.delete(alert.id);
  }
}
