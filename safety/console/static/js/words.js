// Facts and history in words: what happened, who did it, why an alert was raised. Strings only, in the page's language.

import { metresText } from "./geo.js";
import { has, parametersOf, t, term } from "./i18n.js";
import { state } from "./store.js";
import { clockText, spanText } from "./time.js";

const named = (name) => state.responders.get(name)?.name ?? name;

/** One line of the timeline: {text, more}. `more` is free text a person wrote, or facts worth a second line. */
export function timelineWords(entry) {
  const detail = entry.detail ?? {};
  const actor = entry.actor ?? t("timeline.system");
  const target = detail.names?.join(t("list.comma")) || detail.name || named(detail.responder ?? detail.user ?? "");
  const params = {
    actor,
    target: target || t("timeline.someone"),
    channel: channelWords(detail.channel ?? "?"),
    reason: detail.reason ? term("reason", detail.reason) : "?",
    level: detail.level !== undefined ? term("verify", detail.level) : "?",
    n: detail.tier ?? "?",
    what: detail.kind ? term("down", detail.kind) : "?",
  };
  return { text: t(timelineKey(entry, target), { ...params, words: entry.what.replaceAll("_", " ") }), more: moreWords(entry) };
}

function timelineKey({ what, actor, detail }, target) {
  if (what === "dispatched" && !target) return "timeline.dispatched_nobody";
  if (what === "assigned" && !target) return "timeline.assigned_self";
  if (what === "note" && !actor) return "timeline.remark";
  if (what === "verified" && detail?.level === undefined) return "timeline.verified_unrated";
  if (what === "cancelled" && detail?.taken_up) return "timeline.cancelled_late";
  if (what === "escalated" && detail?.tier === 1) return "timeline.first_tier";
  return has(`timeline.${what}`) ? `timeline.${what}` : "timeline.other";
}

// The second line: what a person wrote; else Vigil's own reason, in the page's language; else its error as it came.
function moreWords({ what, detail }) {
  if (!detail) return null;
  if (detail.reason && has(`decision.${detail.reason}`)) return t(`decision.${detail.reason}`);
  const written = detail.text ?? detail.note ?? detail.error;
  if (written) return written;
  if (detail.with) return t("incident.with");
  if (what === "dispatched" && detail.responder) return t("timeline.call_them");
  if (what === "evidence" && detail.kind) return [term("kind", detail.kind), term("severity", detail.severity)].join(" · ");
  if (what === "escalated" || what === "exhausted") return detail.names?.join(t("list.comma")) || null;
  return what === "raised" ? (whyWords(detail.why)[0] ?? null) : null;
}

/** Which kind of channel a notification goes by. Its address stays where it is. */
export function channelWords(channel) {
  return term("channel", channel.split(":")[0]);
}

const SKIPPED = new Set(["rule", "said_by", "event", "device", "nurse", "visit"]);
const UNIT = /_(ms|s|m|pct|mps|kmh|deg|dbm)$/;
const PLACE = /(?:^|_)(lat|lon)$/;

/**
 * An alert's reason (its `why` object): first the sentence where the rule is known, then a phrase for each value
 * that it does not tell. A rule or a value we have no words for is shown by its name.
 */
export function whyWords(why) {
  const facts = Object.entries(why ?? {}).filter(([, value]) => typeof value !== "object" || value === null);
  const sentence = sentenceOf(why, facts);
  const told = new Set(["rule", ...(sentence?.told ?? [])]);
  const known = facts.filter(([name, value]) => value !== null && !isSkipped(name, value) && !told.has(bare(name)));
  return [...(sentence ? [sentence.text] : []), ...placesOf(known), ...known.filter(([name]) => !PLACE.test(name)).map(phrase)];
}

// An alarm that cannot be taken back has a window of no length.
const isSkipped = (name, value) => SKIPPED.has(name) || (bare(name) === "cancel_window" && value === 0);

function sentenceOf(why, facts) {
  const key = [`why.${why?.rule}.${why?.how}`, `why.${why?.rule}`].find(has);
  if (!key) return null;
  const values = Object.fromEntries(facts.map(([name, value]) => [bare(name), valueWords(name, value)]));
  const wanted = parametersOf(key);
  // A value the sentence needs and the rule did not give: better phrases than a sentence with a hole.
  return wanted.every((name) => name in values) ? { text: t(key, values), told: [...(key.endsWith(`.${why.how}`) ? ["how"] : []), ...wanted] } : null;
}

function phrase([name, value]) {
  const label = has(`why_name.${bare(name)}`) ? t(`why_name.${bare(name)}`) : bare(name).replaceAll("_", " ");
  return t("why.phrase", { name: label, value: valueWords(name, value) });
}

// A latitude alone says nothing: `first_lat` and `first_lon` are one place.
function placesOf(facts) {
  const all = Object.fromEntries(facts);
  return facts.filter(([name]) => /(?:^|_)lat$/.test(name)).map(([name, lat]) => {
    const lon = all[name.replace(/lat$/, "lon")];
    const place = [lat, lon].map((degrees) => (typeof degrees === "number" ? degrees.toFixed(5) : "?")).join(", ");
    return phrase([name.replace(/lat$/, "place"), place]);
  });
}

const bare = (name) => name.replace(UNIT, "");

const EPOCH_MS = 1e12; // a number of milliseconds this large is a time, not a length

function valueWords(name, value) {
  if (value === null) return t("why_value.unknown");
  if (typeof value === "boolean") return t(value ? "why_value.yes" : "why_value.no");
  if (typeof value === "number") return numberWords(value, UNIT.exec(name)?.[1]);
  if (/(_at|_until|_since|^time|_time)$/.test(name) && !Number.isNaN(Date.parse(value))) return clockText(value);
  if (name === "kind") return term("kind", value);
  if (name === "device_kind") return term("device", value);
  if (name === "fence") return fenceWords(value);
  return has(`why_value.${name}.${value}`) ? t(`why_value.${name}.${value}`) : String(value);
}

// A fence by its name; the place of a visit, and all areas of an organisation together, have none.
function fenceWords(id) {
  const fence = state.fences.get(id);
  if (fence) return fence.name;
  return has(`why_value.fence.${id.split("_")[0]}`) ? t(`why_value.fence.${id.split("_")[0]}`) : id;
}

function numberWords(value, unit) {
  if (unit === "ms") return value > EPOCH_MS ? clockText(value) : spanText(value);
  if (unit === "s") return spanText(value * 1000);
  if (unit === "m") return metresText(value);
  if (unit === "pct") return t("unit.pct", { n: Math.round(value) });
  const n = String(Math.round(value * 100) / 100);
  return unit ? t(`unit.${unit}`, { n }) : n;
}

/** Names of unreadable fields, in words. */
export function fieldWords(fields) {
  return fields.map((field) => (has(`field.${field}`) ? t(`field.${field}`) : field)).join(t("list.comma"));
}
