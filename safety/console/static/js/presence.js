// Whether a device is there: what it last said of itself, unless it has long said nothing.

import { el } from "./dom.js";
import { term } from "./i18n.js";
import { OLD_MS, openAlerts } from "./select.js";
import { state } from "./store.js";
import { now } from "./time.js";

const NEWS_MS = 60_000; // that a device was heard again is told only so often
const BUTTON_MS = 86_400_000; // a button says nothing while nobody presses it, but for a word a day

/** "revoked", "offline", "silent" (there is an alert), "quiet" (not heard for long), "online" or "unknown". */
export function presence(device) {
  if (device.revoked) return "revoked";
  if (device.state === "offline") return "offline";
  if (openAlerts(state).some((alert) => isSilent(alert, device))) return "silent";
  const heardAgo = now() - Date.parse(device.last_heard_at);
  const long = heardAgo > (device.kind === "button" ? BUTTON_MS : OLD_MS);
  return device.state === "online" && long ? "quiet" : device.state;
}

/** True while the alert of a device's silence still holds: not heard since, or not for as long as was allowed then. */
function isSilent(alert, device) {
  if (alert.kind !== "device_silent" || alert.device !== device.id) return false;
  const heard = Date.parse(device.last_heard_at);
  return !(heard > Date.parse(alert.raised_at)) || isSilentAgain(alert, device);
}

/** True when a device, heard again since the alert, has then said nothing for longer than was allowed. */
export function isSilentAgain(alert, device) {
  const allowed_s = alert?.why?.allowed_s;
  return allowed_s != null && now() - Date.parse(device.last_heard_at) > allowed_s * 1000 + NEWS_MS;
}

export function presenceNode(device) {
  const is = presence(device);
  return el("span", { class: `device-state ${is}` }, term("device_state", is));
}
