// What a dispatcher does to an alert: the call with the version seen, and what comes back (also "somebody was first").

import { post, Problem } from "./api.js";
import { loadDetail } from "./feed.js";
import { change, isOpen, putAlerts, putDetail, state } from "./store.js";
import { mayAct } from "./select.js";

/** Actions the state of an alert allows, in the order they are offered. */
export function allowedActions(alert) {
  if (!alert || !mayAct(state) || !isOpen(alert)) return [];
  const before = { raised: ["acknowledge", "dispatch"], acknowledged: ["dispatch", "arrive"], dispatched: ["arrive"] };
  return [...(before[alert.state] ?? []), "resolve"];
}

/** Choose an alert (or none). Also clears the message of the one before. */
export function selectAlert(id) {
  change(["selection", "notice"], (s) => {
    s.selected = id;
    s.missing = null;
    if (s.notice?.alert !== id) s.notice = null;
  });
  if (id) loadDetail(id);
}

/**
 * Ask the server for `action` on the alert. Nothing is shown as done before the server said so.
 * Resolves to true when it was done.
 */
export async function act(id, action, body = {}) {
  const alert = state.alerts.get(id);
  if (!alert || state.busy) return false;
  change(["busy", "notice"], (s) => {
    s.busy = { alert: id, action };
    s.notice = null;
  });
  try {
    putDetail(await send(alert, action, body));
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    refused(id, action, error);
    return false;
  } finally {
    change(["busy"], (s) => {
      s.busy = null;
    });
  }
}

// A note disturbs nobody and needs no version.
function send(alert, action, body) {
  const path = `/alerts/${encodeURIComponent(alert.id)}/${action}`;
  return post(path, action === "note" ? body : { ...body, version: alert.version });
}

function refused(id, action, error) {
  const conflict = error.status === 409;
  if (conflict && error.body.current) putAlerts([error.body.current]);
  change(["notice"], (s) => {
    s.notice = conflict
      ? { alert: id, kind: "conflict", action, by: error.body.by, at: error.body.at, state: error.body.current?.state }
      : { alert: id, kind: "problem", action, status: error.status, detail: error.message };
  });
  loadDetail(id);
}
