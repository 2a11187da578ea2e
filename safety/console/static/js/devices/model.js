// The devices' view: what it shows beside the devices themselves, and how it is read from the server.

import { get, Problem } from "../api.js";
import { change, merge, state, view } from "../store.js";

export const READ_EVERY_MS = 15_000;
const SHOWN_AT_MOST = 300;

let lastRead = 0;
let moved = false; // a device has changed since the panels were drawn

view(["devices"], () => {
  moved = true;
});

/** True for those who may hand out devices. */
export function mayEdit() {
  return ["supervisor", "admin"].includes(state.me?.role);
}

/** Change the view's own state. */
export function changeFleet(mutate) {
  change(["fleet"], (s) => mutate(s.fleet));
}

/** Choose a device (or none), and read who had it. */
export async function selectDevice(id) {
  changeFleet((fleet) => {
    Object.assign(fleet, { selected: id, asking: null, problem: null, history: null });
  });
  if (id) await readHistory(id);
}

export async function readHistory(id) {
  await guarded(async () => {
    const { items } = await get(`/devices/${encodeURIComponent(id)}/history`);
    changeFleet((fleet) => {
      if (fleet.selected === id) fleet.history = items;
    });
  });
}

/** Read the board and the list of what was not tested. */
export async function readBoard() {
  lastRead = Date.now();
  await guarded(async () => {
    const [board, untested] = await Promise.all([get("/devices/board?limit=200"), get("/devices/untested?limit=200")]);
    merge("devices", [...board.items.map((item) => item.device), ...untested.items]);
    changeFleet((fleet) => {
      Object.assign(fleet, { board: board.items, untested: untested.items, failed: null });
    });
  });
}

/** Called every second: thousands of devices may change in one, the panels are drawn once. */
export function fleetTick() {
  if (state.view !== "devices") return;
  if (moved) changeFleet(() => {});
  moved = false;
  if (Date.now() - lastRead > READ_EVERY_MS) readBoard();
}

async function guarded(action) {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    changeFleet((fleet) => {
      fleet.failed = error.message;
    });
  }
}

/** Take in what the server said of a device after a change. */
export function takeDevice(device) {
  const { secret, app, link, settings, qr_svg, ...shown } = device;
  merge("devices", [shown]);
  changeFleet(() => {});
}

/** The devices that the filter lets through, by nurse and kind; and how many there are. */
export function filtered() {
  const { text, kind, use } = state.fleet.filter;
  const wanted = text.trim().toLowerCase();
  const found = [...state.devices.values()].filter(
    (device) =>
      device.kind !== "gateway" &&
      (!kind || device.kind === kind) &&
      (use === "" || (use === "revoked") === device.revoked) &&
      (!wanted || searched(device).includes(wanted)),
  );
  found.sort((a, b) => order(a).localeCompare(order(b)));
  return { shown: found.slice(0, SHOWN_AT_MOST), count: found.length };
}

const searched = (device) =>
  [device.id, device.external_id, device.codec, nurseName(device.nurse)].filter(Boolean).join("\n").toLowerCase();

const order = (device) => `${nurseName(device.nurse) ?? "\uffff"}\u0000${device.kind}\u0000${device.id}`;

export function nurseName(nurse) {
  return state.nurses.get(nurse)?.name ?? nurse ?? null;
}
