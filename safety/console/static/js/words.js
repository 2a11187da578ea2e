// Facts and history in words: what happened, who did it, why an alert was raised. Strings only, in the page's language.

import { metresText } from "./geo.js";
import { has, t, term } from "./i18n.js";
import { state } from "./store.js";
import { clockText, durationText } from "./time.js";

const named = (name) => state.responders.get(name)?.name ?? name;

/** One line of the timeline: {text, more}. `more` is free text a person wrote, or facts worth a second line. */
export function timelineWords(entry) {
  const detail = entry.detail ?? {};
  const actor = entry.actor ?? t("timeline.system");
  const target = detail.responder_name ?? named(detail.responder ?? detail.user ?? detail.to ?? "") ?? "";
  const params = {
    actor,
    target: target || t("timeline.someone"),
    channel: detail.channel ? term("channel", detail.channel) : "?",
    reason: detail.reason ? term("reason", detail.reason) : "?",
    level: detail.level !== undefined ? term("verify", detail.level) : "?",
    n: detail.tier ?? detail.level ?? detail.escalation_level ?? "?",
    what: detail.kind ? term("down", detail.kind) : "?",
  };
  let key = `timeline.${entry.what}`;
  if (entry.what === "dispatched" && !target) key = "timeline.dispatched_nobody";
  const text = has(key) ? t(key, params) : term("timeline", entry.what);
  return { text, more: detail.text ?? detail.note ?? detail.error ?? secondLine(entry.what, detail) };
}

function secondLine(what, detail) {
  if (what === "evidence" || what === "elevated" || what === "raised") return whyWords(detail).join(" · ") || null;
  return null;
}

const SKIPPED = new Set(["rule", "event", "source_event", "device", "nurse", "visit", "fence", "id", "lat", "lon", "key"]);

/** An alert's reason (its `why` object) as short phrases. Values carry their unit in the name's ending. */
export function whyWords(why) {
  const phrases = [];
  for (const [name, value] of Object.entries(why ?? {})) {
    if (SKIPPED.has(name) || value === null || value === undefined || typeof value === "object") continue;
    const label = has(`why.${name}`) ? t(`why.${name}`) : name.replace(/_(ms|s|m|pct|at|until)$/, "").replaceAll("_", " ");
    phrases.push(`${label} ${valueWords(name, value)}`.trim());
  }
  return phrases;
}

function valueWords(name, value) {
  if (typeof value === "boolean") return value ? "✓" : "–";
  if (typeof value === "number") {
    if (/(^|_)(at|until)_ms$/.test(name)) return clockText(value);
    if (name.endsWith("_ms")) return durationText(value);
    if (name.endsWith("_s")) return durationText(value * 1000);
    if (name.endsWith("_m")) return metresText(value);
    if (name.endsWith("_pct")) return `${Math.round(value)} %`;
    return String(Math.round(value * 100) / 100);
  }
  if (/(_at|_until|_since|^time|_time)$/.test(name) && !Number.isNaN(Date.parse(value))) return clockText(value);
  if (name === "kind") return term("kind", value);
  return String(value);
}

/** Names of unreadable fields, in words. */
export function fieldWords(fields) {
  return fields.map((field) => (has(`field.${field}`) ? t(`field.${field}`) : field)).join(", ");
}
