// The detail pane: the chosen alert's head, actions, facts, history. Built once per alert, then brought up to date.

import { actionBar } from "./detail_actions.js";
import { factRows, notificationRows } from "./detail_facts.js";
import { incidentAlerts, incidentRows } from "./detail_incident.js";
import { byId, el, setText } from "./dom.js";
import { lang, t, term } from "./i18n.js";
import { alertIcon, lineIcon } from "./icons.js";
import { noticeNode } from "./notice.js";
import { badges } from "./queue.js";
import { state, view } from "./store.js";
import { tellBar } from "./tell_bar.js";
import { clockText, tick } from "./time.js";
import { timelineWords } from "./words.js";

let shown = null; // {id, lang, node parts}

export function mountDetail() {
  view(
    ["selection", "alerts", "extras", "busy", "notice", "lang", "session", "devices", "responders", "visits", "positions", "told"],
    draw,
  );
}

function draw() {
  const root = byId("detail");
  const alert = state.alerts.get(state.selected);
  document.body.toggleAttribute("data-selected", Boolean(state.selected));
  if (!alert) {
    shown = null;
    root.replaceChildren(emptyNode());
    return;
  }
  if (!shown || shown.id !== alert.id || shown.lang !== lang()) shown = build(root, alert);
  update(alert);
  tick(root);
}

// No alert is chosen; or a link's is not there yet, or not to be had.
function emptyNode() {
  if (!state.selected) return empty("select", t("detail.empty"), t("detail.empty_more"));
  if (state.missing !== state.selected) return empty("select", t("queue.loading"));
  return empty("unknown", t("detail.missing"), t("detail.missing_more"), "alert-missing");
}

function empty(icon, title, more = null, testid = null) {
  return el(
    "div",
    { class: `empty ${icon}`, data: { testid } },
    lineIcon(icon),
    el("p", { class: "empty-title" }, title),
    more ? el("p", {}, more) : null,
  );
}

function build(root, alert) {
  const parts = {
    head: el("header", { class: "detail-head" }),
    notice: el("div", { class: "notice-slot", "aria-live": "assertive" }),
    actions: actionBar(alert.id),
    facts: el("dl", { class: "facts" }),
    tell: tellBar(),
    incident: el("section", { data: { testid: "incident" } }),
    notifications: el("ul", { class: "notifications" }),
    timeline: el("ol", { class: "timeline", data: { testid: "timeline" } }),
  };
  root.replaceChildren(
    el("div", { class: "detail-top" }, parts.head, parts.notice, parts.actions.node),
    el(
      "div",
      { class: "detail-body" },
      parts.facts,
      parts.tell.node,
      parts.incident,
      parts.actions.noteForm,
      el("h3", {}, t("detail.timeline")),
      parts.timeline,
      el("h3", {}, t("detail.notifications")),
      parts.notifications,
    ),
  );
  byId("detail-pane").scrollIntoView({ block: "nearest" }); // on a phone it lies below the queue
  return { id: alert.id, lang: lang(), parts, drawn: new Map() };
}

function update(alert) {
  const { parts } = shown;
  const extras = state.extras.get(alert.id);
  root().dataset.state = alert.state;
  root().dataset.severity = alert.severity;
  whenChanged("head", [alert.severity, alert.kind, alert.state, alert.nurse_name, alert.test, alert.late], () => {
    parts.head.replaceChildren(...headNodes(alert));
  });
  whenChanged("notice", [state.notice], () => parts.notice.replaceChildren(noticeNode(alert) ?? ""));
  parts.actions.update(alert);
  const device = state.devices.get(alert.device);
  const latest = state.positions.get(alert.nurse);
  whenChanged("facts", [alert, extras, device, latest, state.visits.get(alert.visit), state.nurses.get(alert.nurse)], () => {
    parts.facts.replaceChildren(...factRows(alert, extras));
  });
  parts.tell.update(alert.nurse, { quiet: alert.silent || alert.kind === "duress" });
  const others = incidentAlerts(alert);
  whenChanged("incident", others.map((one) => [one.id, one.state, one.held_by]), () => {
    const list = el("ul", { class: "incident" }, incidentRows(others));
    parts.incident.replaceChildren(...(others.length ? [el("h3", {}, t("incident.title")), list] : []));
  });
  whenChanged("timeline", [extras?.timeline, state.responders.size], () => {
    parts.timeline.replaceChildren(...timelineNodes(extras?.timeline));
  });
  whenChanged("notifications", [extras?.notifications], () => {
    parts.notifications.replaceChildren(...notificationRows(extras?.notifications));
  });
}

const root = () => byId("detail");

// Redrawing what has not changed would throw away the reader's selection and scroll position.
function whenChanged(name, inputs, redraw) {
  const signature = JSON.stringify(inputs);
  if (shown.drawn.get(name) === signature) return;
  shown.drawn.set(name, signature);
  redraw();
}

function headNodes(alert) {
  return [
    el("span", { class: "head-icon" }, alertIcon(alert.severity, alert.kind)),
    el(
      "div",
      { class: "head-words" },
      el("p", { class: "head-kind" }, term("kind", alert.kind)),
      el("p", { class: "head-nurse" }, alert.nurse_name ?? t("queue.no_nurse")),
    ),
    el(
      "div",
      { class: "head-state" },
      el("span", { class: "chip", data: { testid: "detail-state", state: alert.state } }, term("state", alert.state)),
      el("span", { class: "faint" }, term("severity", alert.severity)),
      el("span", { class: "badges" }, badges({ ...alert, doubts: [] })),
    ),
  ];
}

function timelineNodes(timeline) {
  if (!timeline) return [el("li", { class: "faint" }, t("detail.loading"))];
  return [...timeline]
    .sort((a, b) => b.seq - a.seq)
    .map((entry) => {
      const { text, more } = timelineWords(entry);
      const time = el("time", { datetime: entry.at });
      setText(time, clockText(entry.at));
      return el(
        "li",
        { data: { what: entry.what } },
        time,
        el("div", {}, el("p", {}, text), more ? el("p", { class: "more" }, String(more)) : null),
      );
    });
}
