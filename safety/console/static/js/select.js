// What follows from the state: order of the queue, counts, freshness. Pure; every view asks here.

import { isOpen } from "./store.js";
import { now } from "./time.js";

export const SEVERITIES = ["critical", "high", "warning", "info"];
export const FRESH_MS = 2 * 60_000;
export const OLD_MS = 10 * 60_000;

const rank = (alert) => {
  const index = SEVERITIES.indexOf(alert.severity);
  return index < 0 ? 0 : index; // an unknown severity is treated as the worst, not hidden below
};

// A planned test never stands above a real alert of the same severity.
const bySeverityThenAge = (a, b) =>
  rank(a) - rank(b) || Boolean(a.test) - Boolean(b.test) || Date.parse(a.raised_at) - Date.parse(b.raised_at) || (a.id < b.id ? -1 : 1);

const newestFirst = (a, b) => Date.parse(b.raised_at) - Date.parse(a.raised_at) || (a.id < b.id ? -1 : 1);

const CRIES = new Set(["panic", "duress"]);

const incidentId = (alert) => alert.incident ?? alert.id;

/** True while another open alert answers for this one: nobody is paged for it. An unknown one answers for nothing. */
export function isHeld(state, alert) {
  const holder = alert.held_by && state.alerts.get(alert.held_by);
  return alert.state === "raised" && Boolean(holder) && isOpen(holder);
}

// Which alert of an incident stands for it: what waits for somebody, then the worst, then a cry for help.
function leadFirst(state) {
  const waits = (alert) => alert.state === "raised" && !isHeld(state, alert);
  return (a, b) =>
    isOpen(b) - isOpen(a) ||
    waits(b) - waits(a) ||
    rank(a) - rank(b) ||
    CRIES.has(b.kind) - CRIES.has(a.kind) ||
    bySeverityThenAge(a, b);
}

/** Incidents by id, each its alerts with the one that leads first. */
export function incidents(state) {
  const all = new Map();
  for (const alert of state.alerts.values()) {
    const members = all.get(incidentId(alert));
    if (members) members.push(alert);
    else all.set(incidentId(alert), [alert]);
  }
  const order = leadFirst(state);
  for (const members of all.values()) {
    if (members.length > 1) members.sort(order);
  }
  return all;
}

/** The other alerts of the alert's incident: of an open one those still open. */
export function othersOf(members, alert) {
  return members.filter((one) => one !== alert && (isOpen(one) || !isOpen(alert)));
}

/**
 * Groups of the queue, one alert for each incident: waiting (nobody took it), working, closed (only with the filter
 * "all"). `members` has every alert of the incidents, by the id of the one that leads.
 */
export function queueGroups(state) {
  const waiting = [];
  const working = [];
  const closed = [];
  const members = new Map();
  for (const all of incidents(state).values()) {
    const [lead] = all;
    members.set(lead.id, all);
    if (lead.state === "raised") waiting.push(lead);
    else if (isOpen(lead)) working.push(lead);
    else if (state.filter === "all") closed.push(lead);
  }
  return {
    waiting: waiting.sort(bySeverityThenAge),
    working: working.sort(bySeverityThenAge),
    closed: closed.sort(newestFirst),
    members,
  };
}

/** The ids of the queue, top to bottom. */
export function queueOrder(state) {
  const { waiting, working, closed } = queueGroups(state);
  return [...waiting, ...working, ...closed].map((alert) => alert.id);
}

/** The id of the card on which an alert is shown. */
export function cardOf(state, id) {
  const alert = state.alerts.get(id);
  return alert ? incidents(state).get(incidentId(alert))[0].id : id;
}

export function openAlerts(state) {
  return [...state.alerts.values()].filter(isOpen);
}

/** True while somebody must be woken: critical, real, nobody has taken it, and no other alert answers for it. */
export function mustSound(state) {
  for (const alert of state.alerts.values()) {
    if (alert.state === "raised" && alert.severity === "critical" && !alert.test && !isHeld(state, alert)) return true;
  }
  return false;
}

export function counts(state) {
  let waiting = 0;
  let working = 0;
  for (const [lead] of incidents(state).values()) {
    if (lead.state === "raised") waiting += 1;
    else if (isOpen(lead)) working += 1;
  }
  let fresh = 0;
  for (const position of state.positions.values()) {
    if (freshness(position.time) === "fresh") fresh += 1;
  }
  let offline = 0;
  for (const device of state.devices.values()) {
    if (device.state === "offline" && !device.revoked) offline += 1;
  }
  return { waiting, working, fresh, located: state.positions.size, offline };
}

/** "fresh", "ageing" or "old" by the position's own time (RFC 3339). */
export function freshness(time) {
  const age = now() - Date.parse(time);
  if (!(age < OLD_MS)) return "old";
  return age < FRESH_MS ? "fresh" : "ageing";
}

export function mayAct(state) {
  return Boolean(state.me) && state.me.role !== "auditor";
}
