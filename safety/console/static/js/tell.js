// What devices are told from the page: asking for it, and following what becomes of it until nothing can come any more.

import { get, post, Problem } from "./api.js";
import { change, state } from "./store.js";

const SOON_MS = 400;
const POLL_MS = 2000;
const KEPT = 20;
const PENDING = new Set(["queued", "sent", "accepted"]);
const ANSWERED = new Set(["locate", "resend"]);
const HEARING = new Set(["native", "owntracks"]);
const RANK = { phone: 0, recorder: 1 };

const followed = new Map(); // device id -> timer

/** The device of a nurse that can be told something and tell where it is: her phone first; null if there is none. */
export function deviceToTell(nurse) {
  const hers = [...state.devices.values()].filter(
    (device) => nurse && device.nurse === nurse && !device.revoked && device.kind in RANK && HEARING.has(device.codec),
  );
  hers.sort((a, b) => RANK[a.kind] - RANK[b.kind] || a.id.localeCompare(b.id));
  return hers[0] ?? null;
}

/** Have a device told something. Resolves to null, or to the Problem why not. */
export async function tell(device, body) {
  try {
    const command = await post(path(device), body);
    put(device, [command, ...(state.told.get(device) ?? [])]);
    clearTimeout(followed.get(device));
    followed.delete(device);
    follow(device, SOON_MS);
    return null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error;
  }
}

/** Read what a device was told of late, and follow it while something of it is still open. */
export async function loadTold(device) {
  try {
    put(device, (await get(`${path(device)}?limit=${KEPT}`)).items ?? []);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
  follow(device);
}

/** What is shown of it: what somebody asked for, newest first. */
export function shownOf(device, most) {
  return (state.told.get(device) ?? []).filter((one) => one.asked_by !== null).slice(0, most);
}

const path = (device) => `/devices/${encodeURIComponent(device)}/commands`;

function put(device, commands) {
  change(["told"], (s) => {
    s.told.set(device, commands.slice(0, KEPT));
  });
}

// The feed says nothing of commands: they are few, and looked at only where somebody waits for them.
function follow(device, after = POLL_MS) {
  if (followed.has(device) || !state.me || !shownOf(device, KEPT).some(isPending)) return;
  followed.set(
    device,
    setTimeout(() => {
      followed.delete(device);
      if (state.me) loadTold(device);
    }, after),
  );
}

function isPending(command) {
  if (!PENDING.has(command.state)) return false;
  return command.state !== "accepted" || ANSWERED.has(command.kind);
}
