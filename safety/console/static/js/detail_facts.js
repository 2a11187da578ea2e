// The facts of an alert as rows: who, where and how old, when, visit, device, why, what is doubtful, who was told.

import { el } from "./dom.js";
import { distanceM, metresText } from "./geo.js";
import { t, term } from "./i18n.js";
import { showOnMap } from "./map.js";
import { presenceNode } from "./presence.js";
import { isOpen, state } from "./store.js";
import { clockText, countdown, durationText, spanText } from "./time.js";
import { channelWords, fieldWords, whyWords } from "./words.js";

const MOVED_M = 30; // below this a newer position is the same place

/** Rows (dt, dd, …) for the detail's definition list. */
export function factRows(alert, extras) {
  const visit = extras?.visit_detail ?? state.visits.get(alert.visit);
  return [
    ...row("detail.who", who(alert, extras)),
    ...row("detail.where", where(alert, visit)),
    ...row("detail.when", when(alert)),
    ...row("detail.visit", visitFacts(alert, visit)),
    ...row("detail.device", deviceFacts(alert)),
    ...row("detail.why", whyFacts(alert)),
    ...row("detail.doubts", alert.doubts?.length ? [t("detail.doubts_text", { fields: fieldWords(alert.doubts) })] : [], "doubt"),
    ...row("detail.escalation", escalation(alert)),
    ...row("detail.owner", alert.owner ? [alert.owner] : []),
    ...row("detail.resolution", alert.resolution ? [term("reason", alert.resolution)] : []),
  ];
}

function row(key, lines, kind = null) {
  if (!lines.length) return [];
  return [
    el("dt", { class: kind }, t(key)),
    el("dd", { class: kind, data: { fact: key.slice(7) } }, lines.map((line) => el("div", {}, line))),
  ];
}

function who(alert, extras) {
  const nurse = extras?.nurse_detail ?? state.nurses.get(alert.nurse);
  const lines = [el("strong", {}, alert.nurse_name ?? nurse?.name ?? t("queue.no_nurse"))];
  // No link to tap by habit where a ringing phone would give the nurse away.
  if (alert.silent || alert.kind === "duress") {
    lines.push(el("span", { class: "forbid" }, t("detail.do_not_call")));
    if (nurse?.phone) lines.push(el("span", { class: "faint" }, nurse.phone));
    return lines;
  }
  if (nurse?.phone) lines.push(el("a", { href: `tel:${nurse.phone.replace(/[^+\d]/g, "")}` }, nurse.phone));
  else lines.push(el("span", { class: "faint" }, t("detail.no_phone")));
  return lines;
}

function where(alert, visit) {
  const { position } = alert;
  if (!position) return [el("span", { class: "forbid" }, t("detail.position_none"))];
  const accuracy =
    position.accuracy_m == null ? t("detail.accuracy_unknown") : t("detail.accuracy", { m: metresText(position.accuracy_m) });
  const coordinates = `${position.lat.toFixed(5)}, ${position.lon.toFixed(5)}`;
  const lines = [
    [el("span", { class: "figures" }, coordinates), ` ${accuracy} `, showButton(alert)],
    [
      el("span", { class: "position-age", data: { since: Date.parse(position.time), sinceKey: "detail.position_age" } }),
      " · ",
      t(position.source === "alarm" ? "detail.position_alarm" : "detail.position_last"),
    ],
  ];
  if (visit?.lat != null) {
    const m = metresText(distanceM(position, visit));
    lines.push(t("detail.from_visit", { m }));
  }
  const latest = state.positions.get(alert.nurse);
  if (latest && isOpen(alert) && Date.parse(latest.time) > Date.parse(position.time)) {
    const m = distanceM(position, latest);
    if (m > MOVED_M) lines.push(moved(latest, m));
  }
  return lines;
}

function moved(latest, m) {
  const [before, after] = t("detail.moved", { m: metresText(m), age: "\u0000" }).split("\u0000");
  return [before, el("span", { data: { since: Date.parse(latest.time) } }), after];
}

function showButton(alert) {
  return el(
    "button",
    { type: "button", class: "link", on: { click: () => showOnMap(alert.id) } },
    t("detail.show"),
  );
}

function when(alert) {
  const [before, after] = t("detail.occurred", { at: clockText(alert.occurred_at), age: "\u0000" }).split("\u0000");
  const lines = [[before, el("span", { data: { since: Date.parse(alert.occurred_at) } }), after]];
  if (alert.late) {
    const delay = Date.parse(alert.received_at) - Date.parse(alert.occurred_at);
    const text = t("detail.received_late", { age: durationText(delay), at: clockText(alert.received_at) });
    lines.push(el("span", { class: "forbid" }, text));
  }
  return lines;
}

function visitFacts(alert, visit) {
  if (!visit) return alert.visit ? [alert.visit] : [el("span", { class: "faint" }, t("detail.no_visit"))];
  const from = clockText(visit.starts_at, { seconds: false });
  const window = t("detail.visit_window", { from, to: clockText(visit.ends_at, { seconds: false }) });
  const more = [t("detail.visit_radius", { m: metresText(visit.radius_m) })];
  if (visit.check_in_every_s) more.push(t("detail.check_in_every", { age: spanText(visit.check_in_every_s * 1000) }));
  const risk = visit.risk === "high" ? el("span", { class: "badge late" }, t("detail.risk_high")) : null;
  const gone = visit.state === "cancelled" ? el("span", { class: "badge late" }, t("detail.visit_cancelled")) : null;
  return [[visit.patient ?? "", " ", risk, gone].filter(Boolean), window, el("span", { class: "faint" }, more.join(" · "))];
}

function deviceFacts(alert) {
  const device = state.devices.get(alert.device);
  const kind = device?.kind ?? alert.device_kind;
  if (!kind && !alert.device) return [];
  const parts = [kind ? term("device", kind) : "", " "];
  if (device) {
    parts.push(presenceNode(device));
    if (device.battery_pct != null) parts.push(" · ", t("detail.battery", { pct: Math.round(device.battery_pct) }));
  }
  const lines = [parts];
  if (device?.last_heard_at) {
    lines.push(el("span", { class: "faint", data: { since: Date.parse(device.last_heard_at), sinceKey: "detail.heard" } }));
  }
  return lines;
}

function whyFacts(alert) {
  const [first, ...more] = whyWords(alert.why);
  if (!first) return [];
  return more.length ? [first, el("span", { class: "faint" }, more.join(" · "))] : [first];
}

function escalation(alert) {
  const lines = [];
  if (alert.escalation_level) lines.push(t("detail.tier", { n: alert.escalation_level }));
  if (alert.state === "raised" && alert.escalates_at) {
    const node = el("span", { class: "card-due" });
    countdown(node, [[Date.parse(alert.escalates_at), "queue.escalates"]]);
    lines.push(node);
  }
  return lines;
}

/** One row per notification; a failed one is told as such, and "sent" is never called "reached". */
export function notificationRows(notifications) {
  if (!notifications?.length) return [el("li", { class: "faint" }, t("detail.no_notifications"))];
  return notifications.map((one) => {
    const more = [channelWords(one.channel), t("detail.tier", { n: one.tier })];
    if (one.attempts > 1) more.push(t("notification.attempts", { n: one.attempts }));
    if (one.sent_at) more.push(clockText(one.sent_at));
    return el(
      "li",
      { data: { state: one.state } },
      el("span", { class: "notification-name" }, one.responder_name ?? one.responder),
      el("span", { class: "notification-state" }, term("notification", one.state)),
      el("span", { class: "more" }, more.join(" · ")),
      one.error ? el("span", { class: "more error" }, one.error) : null,
    );
  });
}
