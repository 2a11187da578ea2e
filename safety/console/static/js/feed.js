// From the server into the state: frames of the live feed, lists read over HTTP, and the repair after a gap.

import { get, listAll, listNewest, Problem } from "./api.js";
import { createLive } from "./live.js";
import { change, isOpen, merge, putAlerts, putAll, putDetail, putPositions, state } from "./store.js";
import { noteServerTime, now } from "./time.js";

const RECENT = 200;
const MASTER_EVERY_MS = 30_000;
const POLL_EVERY_MS = 5_000;
// Visits that begin so soon are read with those that are on: the next reading is sure to come before.
const VISITS_AHEAD_MS = 600_000;

let live = null;
let lastMaster = 0;
let lastPoll = 0;
let refreshing = null;

export function startFeed() {
  live ??= createLive({ onFrame, onUp, onDown });
  change(["connection"], (s) => {
    s.connection = { status: "connecting", staleSince: null, lastFrameAt: null, attempt: 0 };
  });
  live.start();
  readAlerts().catch(ignoreUnreachable); // where nurses are comes with the first frame
  refreshMaster();
}

export function stopFeed(options) {
  live?.stop(options);
}

export function retryNow() {
  live?.retryNow();
}

/** Called every second. */
export function feedTick() {
  live?.watch();
  const present = Date.now();
  if (present - lastMaster > MASTER_EVERY_MS) refreshMaster();
  // Without a socket the page still learns of alerts, every few seconds, as long as HTTP answers.
  if (state.connection.status === "reconnecting" && present - lastPoll > POLL_EVERY_MS) refresh();
}

function onFrame(frame) {
  if (frame.time) noteServerTime(frame.time);
  if (frame.type === "snapshot") takeSnapshot(frame);
  else if (frame.type === "alert") takeAlert(frame.alert);
  else if (frame.type === "position") putPositions(frame.positions);
  else if (frame.type === "device") merge("devices", frame.devices ?? [frame.device]);
  state.connection.lastFrameAt = Date.now();
}

function onUp(frame) {
  const gap = state.connection.status === "reconnecting";
  change(["connection"], (s) => {
    s.connection = { status: "live", staleSince: null, lastFrameAt: Date.now(), attempt: 0 };
  });
  // The cursor replays alerts; positions, devices and what the server forgot are read again.
  if (gap || frame.type !== "snapshot") refresh();
}

function onDown({ attempt }) {
  change(["connection"], (s) => {
    const staleSince = s.connection.staleSince ?? s.connection.lastFrameAt ?? Date.now();
    s.connection = { ...s.connection, status: "reconnecting", staleSince, attempt };
  });
  // A refused handshake looks like any other loss; this tells a lost session (401) from a lost network.
  if (attempt === 1) get("/me").catch(ignoreUnreachable);
}

function takeSnapshot(frame) {
  putAlerts(frame.alerts ?? []);
  putPositions(frame.positions ?? []);
  merge("devices", frame.devices ?? []);
  change(["alerts"], (s) => {
    s.loaded = true;
  });
  repair(new Set((frame.alerts ?? []).map((alert) => alert.id)));
}

function takeAlert(alert) {
  putAlerts([alert]);
  if (state.selected === alert.id) loadDetail(alert.id);
  if (isOpen(alert)) loadVisit(alert.visit);
}

/** Read everything that may have been missed. Runs once at a time. */
export function refresh() {
  lastPoll = Date.now();
  refreshing ??= readAll().catch(ignoreUnreachable).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function readAll() {
  const [positions, devices] = await Promise.all([listAll("/positions"), listAll("/devices"), readAlerts()]);
  putPositions(positions);
  merge("devices", devices);
}

async function readAlerts() {
  const [open, recent] = await Promise.all([listAll("/alerts?state=open"), listNewest("/alerts", RECENT)]);
  putAlerts([...recent, ...open]);
  change(["alerts"], (s) => {
    s.loaded = true;
  });
  repair(new Set([...recent, ...open].map((alert) => alert.id)));
  if (state.selected) loadDetail(state.selected);
}

// An alert we hold open and the server did not list was closed in between: ask for it by name, never just drop it.
function repair(listed) {
  for (const alert of state.alerts.values()) {
    if (isOpen(alert) && !listed.has(alert.id)) loadDetail(alert.id);
  }
}

const loading = new Map(); // alert id -> "running" | "again"

/** Read one alert with its timeline. Requests for the same alert are folded together. */
export async function loadDetail(id) {
  if (!state.me) return; // by a link, before the login: it is read once somebody is there
  if (loading.has(id)) {
    loading.set(id, "again");
    return;
  }
  do {
    loading.set(id, "running");
    try {
      putDetail(await get(`/alerts/${encodeURIComponent(id)}`));
    } catch (error) {
      ignoreUnreachable(error);
      if (error.status === 404) noteMissing(id);
      break;
    }
  } while (loading.get(id) === "again");
  loading.delete(id);
}

function noteMissing(id) {
  if (id !== state.selected) return;
  change(["selection"], (s) => {
    s.missing = id;
  });
}

/** Nurses, visits, fences, responders: what changes by the hour. */
export async function refreshMaster() {
  lastMaster = Date.now();
  if (!state.me) return;
  const lists = ["nurses", "fences", "responders"].map(async (name) => putAll(name, await listAll(`/${name}`)));
  await Promise.all([...lists, readVisits()].map((reading) => reading.catch(ignoreUnreachable)));
}

/** Read the visits that are on, and those of open alerts: all that were ever planned are far too many. */
async function readVisits() {
  const [from, to] = [now(), now() + VISITS_AHEAD_MS].map((at) => new Date(at).toISOString());
  const on = await listAll(`/visits?${new URLSearchParams({ from, to })}`);
  const open = [...state.alerts.values()].filter(isOpen);
  const known = open.map((alert) => state.visits.get(alert.visit)).filter(Boolean);
  putAll("visits", [...known, ...on]);
  await Promise.all(open.map((alert) => loadVisit(alert.visit)));
}

const asking = new Set(); // visits that are being read by themselves

async function loadVisit(id) {
  if (!id || state.visits.has(id) || asking.has(id)) return;
  asking.add(id);
  try {
    merge("visits", [await get(`/visits/${encodeURIComponent(id)}`)]);
  } catch (error) {
    ignoreUnreachable(error);
  } finally {
    asking.delete(id);
  }
}

/** How long the picture has been out of date, in ms; 0 when live. */
export function staleForMs() {
  const { status, staleSince } = state.connection;
  return status === "reconnecting" && staleSince ? Date.now() - staleSince : 0;
}

// No network, a lost session, or a row this role may not read: each is shown elsewhere on the page.
function ignoreUnreachable(error) {
  if (!(error instanceof Problem)) throw error;
}
