// Time on the page: the server's clock (a dispatcher's computer may be wrong), ages, countdowns, and how they are said.

import { locale, t } from "./i18n.js";

const SAMPLES = 12;
const offsets = []; // server minus local, ms

/** Learn from a server timestamp (RFC 3339) that has just arrived. */
export function noteServerTime(time) {
  const server = Date.parse(time);
  if (Number.isNaN(server)) return;
  offsets.push(server - Date.now());
  if (offsets.length > SAMPLES) offsets.shift();
}

/** The server's present in epoch milliseconds. The largest difference is the one that travelled fastest. */
export function now() {
  return Date.now() + (offsets.length ? Math.max(...offsets) : 0);
}

/** "48 s", "3 min 05 s", "2 h 14 min", "3 d 4 h". */
export function durationText(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return t("time.s", { s });
  if (s < 3600) return t("time.min_s", { min: Math.floor(s / 60), s: String(s % 60).padStart(2, "0") });
  if (s < 86400) return t("time.h_min", { h: Math.floor(s / 3600), min: Math.floor((s % 3600) / 60) });
  return t("time.d_h", { d: Math.floor(s / 86400), h: Math.floor((s % 86400) / 3600) });
}

/** A planned length, without a tail of zeros: "30 min", "1 h". */
export function spanText(ms) {
  const s = Math.round(ms / 1000);
  if (s >= 3600 && s % 3600 === 0) return t("time.h", { h: s / 3600 });
  if (s >= 60 && s < 3600 && s % 60 === 0) return t("time.min", { min: s / 60 });
  return durationText(ms);
}

/** "0:45", "12:05": what is left, for countdowns. */
export function countdownText(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  if (s >= 3600) return durationText(s * 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

/** Time of day, with the date when it is not today. */
export function clockText(time, { seconds = true } = {}) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  const today = new Date(now());
  const sameDay = date.toDateString() === today.toDateString();
  return new Intl.DateTimeFormat(locale(), {
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
    ...(seconds ? { second: "2-digit" } : {}),
    ...(sameDay ? {} : { month: "2-digit", day: "2-digit" }),
  }).format(date);
}

/** Let `node` count down to the first of `due` ([[epoch ms, key], …]) that is still to come, or to the last. */
export function countdown(node, due) {
  if (!due.length) {
    delete node.dataset.until;
    node.removeAttribute("data-soon");
    write(node, "");
    return;
  }
  const [until, untilKey] = due.find(([at]) => at > now()) ?? due.at(-1);
  Object.assign(node.dataset, { until, untilKey, due: JSON.stringify(due) });
}

/** Bring every age (`data-since`) and countdown (`data-until`) under `root` up to the present. */
export function tick(root = document) {
  const present = now();
  for (const node of root.querySelectorAll("[data-since]")) {
    const text = durationText(present - Number(node.dataset.since));
    write(node, node.dataset.sinceKey ? t(node.dataset.sinceKey, { age: text }) : text);
  }
  for (const node of root.querySelectorAll("[data-until]")) {
    if (Number(node.dataset.until) <= present) countdown(node, JSON.parse(node.dataset.due));
    const left = Number(node.dataset.until) - present;
    const key = node.dataset.untilKey;
    write(node, left > 0 ? t(key, { left: countdownText(left) }) : t(`${key}_due`));
    node.toggleAttribute("data-soon", left < 15_000);
  }
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
