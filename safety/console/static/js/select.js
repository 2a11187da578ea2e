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

/** Groups of the queue: waiting (nobody took it), working, closed (only with the filter "all"). */
export function queueGroups(state) {
  const waiting = [];
  const working = [];
  const closed = [];
  for (const alert of state.alerts.values()) {
    if (alert.state === "raised") waiting.push(alert);
    else if (isOpen(alert)) working.push(alert);
    else if (state.filter === "all") closed.push(alert);
  }
  return {
    waiting: waiting.sort(bySeverityThenAge),
    working: working.sort(bySeverityThenAge),
    closed: closed.sort(newestFirst),
  };
}

/** The ids of the queue, top to bottom. */
export function queueOrder(state) {
  const { waiting, working, closed } = queueGroups(state);
  return [...waiting, ...working, ...closed].map((alert) => alert.id);
}

export function openAlerts(state) {
  return [...state.alerts.values()].filter(isOpen);
}

/** True while somebody must be woken: critical, real, and nobody has taken it. */
export function mustSound(state) {
  for (const alert of state.alerts.values()) {
    if (alert.state === "raised" && alert.severity === "critical" && !alert.test) return true;
  }
  return false;
}

export function counts(state) {
  let waiting = 0;
  let working = 0;
  for (const alert of state.alerts.values()) {
    if (alert.state === "raised") waiting += 1;
    else if (isOpen(alert)) working += 1;
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
