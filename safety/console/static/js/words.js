// Facts and history in words: what happened, who did it, why an alert was raised. Strings only, in the page's language.

import { metresText } from "./geo.js";
import { has, t, term } from "./i18n.js";
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
  if (what === "escalated" || what === "exhausted") return detail.names?.join(t("list.comma")) || null;
  return what === "raised" ? whyWords(detail.why).join(" · ") || null : null;
}

/** Which kind of channel a notification goes by. Its address stays where it is. */
export function channelWords(channel) {
  return term("channel", channel.split(":")[0]);
}

const SKIPPED = new Set(["rule", "how", "said_by", "fence", "event", "device", "nurse", "visit"]);

/** An alert's reason (its `why` object): one sentence where the rule is known, else phrases of its values. */
export function whyWords(why) {
  const key = [`why.${why?.rule}.${why?.how}`, `why.${why?.rule}`].find(has);
  if (key) {
    const values = Object.entries(why).map(([name, value]) => [bare(name), valueWords(name, value)]);
    return [t(key, Object.fromEntries(values))];
  }
  const phrases = [];
  for (const [name, value] of Object.entries(why ?? {})) {
    if (SKIPPED.has(name) || value === null || value === undefined || typeof value === "object") continue;
    phrases.push(`${bare(name).replaceAll("_", " ")} ${valueWords(name, value)}`);
  }
  return phrases;
}

const bare = (name) => name.replace(/_(ms|s|m|pct)$/, "");

const EPOCH_MS = 1e12; // a number of milliseconds this large is a time, not a length

function valueWords(name, value) {
  if (typeof value === "boolean") return value ? "✓" : "–";
  if (typeof value === "number") {
    if (name.endsWith("_ms") && value > EPOCH_MS) return clockText(value);
    if (name.endsWith("_ms")) return spanText(value);
    if (name.endsWith("_s")) return spanText(value * 1000);
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
  return fields.map((field) => (has(`field.${field}`) ? t(`field.${field}`) : field)).join(t("list.comma"));
}
