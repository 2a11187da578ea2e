// The queue: every incident as a card, the alert that leads it on top, those nobody has taken first. Draws from the store, chooses alerts, nothing else.

import { selectAlert } from "./actions.js";
import { arrange, byId, el, setAttr, setText } from "./dom.js";
import { t, term } from "./i18n.js";
import { alertIcon, lineIcon } from "./icons.js";
import { writePref } from "./prefs.js";
import { counts, othersOf, queueGroups } from "./select.js";
import { change, isOpen, state, view } from "./store.js";
import { countdown, tick } from "./time.js";
import { fieldWords } from "./words.js";

const cards = new Map(); // alert id -> card
const groups = new Map(); // name -> {section, title, list}
let empty = null;

export function mountQueue() {
  const root = byId("queue");
  for (const name of ["waiting", "working", "closed"]) {
    const title = el("span");
    const count = el("span", { class: "group-count" });
    const list = el("ol", { class: "cards" });
    const section = el("section", { class: `group ${name}` }, el("h3", {}, title, count), list);
    groups.set(name, { section, title, count, list });
  }
  empty = el("div", { class: "empty" });
  for (const button of document.querySelectorAll("[data-filter]")) {
    button.addEventListener("click", () => setFilter(button.dataset.filter));
  }
  root.addEventListener("click", (event) => {
    const card = event.target.closest("[data-alert-id]");
    if (card) selectAlert(card.dataset.alertId);
  });
  view(["alerts", "filter", "selection", "lang", "connection", "visits"], draw);
}

export function setFilter(filter) {
  writePref("filter", filter);
  change(["filter"], (s) => {
    s.filter = filter;
  });
}

function draw() {
  const root = byId("queue");
  const ordered = queueGroups(state);
  const sections = [];
  for (const [name, { section, title, count, list }] of groups) {
    const alerts = ordered[name];
    setText(title, t(`queue.${name}`));
    setText(count, String(alerts.length));
    arrange(list, alerts.map((alert) => cardNode(alert, ordered.members.get(alert.id))));
    if (alerts.length) sections.push(section);
  }
  const nothingOpen = !ordered.waiting.length && !ordered.working.length;
  if (nothingOpen) drawEmpty();
  arrange(root, nothingOpen ? [empty, ...sections] : sections);
  forget(ordered);
  for (const button of document.querySelectorAll("[data-filter]")) {
    setAttr(button, "aria-pressed", String(button.dataset.filter === state.filter));
  }
  tick(root);
}

function cardNode(alert, members) {
  let card = cards.get(alert.id);
  if (!card) {
    card = createCard(alert);
    cards.set(alert.id, card);
  }
  updateCard(card, alert, members);
  return card.node;
}

function createCard(alert) {
  const parts = {
    icon: el("span", { class: "card-icon" }),
    kind: el("span", { class: "card-kind" }),
    age: el("time", { class: "card-age" }),
    nurse: el("span", { class: "card-nurse" }),
    place: el("span", { class: "card-place" }),
    state: el("span", { class: "card-state" }),
    due: el("span", { class: "card-due" }),
    badges: el("span", { class: "badges" }),
    more: el("span", { class: "card-more", data: { testid: "card-more" } }),
  };
  const button = el(
    "button",
    { type: "button", class: "card" },
    parts.icon,
    el("span", { class: "card-top" }, parts.kind, parts.age),
    el("span", { class: "card-middle" }, parts.nurse, parts.place),
    el("span", { class: "card-bottom" }, parts.due, parts.state, parts.badges),
    parts.more,
  );
  const node = el("li", { data: { testid: "alert-card", alertId: alert.id } }, button);
  return { node, button, parts, seen: null };
}

function updateCard(card, alert, members) {
  const { node, button, parts } = card;
  setAttr(button, "aria-current", members.some((one) => one.id === state.selected) ? "true" : null);
  const visit = state.visits.get(alert.visit);
  const others = othersOf(members, alert);
  const signature = `${document.documentElement.lang}|${visit?.patient ?? ""}|${others.map((one) => one.id)}`;
  if (card.seen === alert && card.signature === signature) return;
  card.seen = alert;
  card.signature = signature;
  Object.assign(node.dataset, { state: alert.state, severity: alert.severity, kind: alert.kind });
  node.toggleAttribute("data-test", Boolean(alert.test));
  parts.icon.replaceChildren(alertIcon(alert.severity, alert.kind));
  setText(parts.kind, term("kind", alert.kind));
  parts.age.dataset.since = Date.parse(alert.raised_at);
  setAttr(parts.age, "datetime", alert.raised_at);
  setText(parts.nurse, alert.nurse_name ?? t("queue.no_nurse"));
  setText(parts.place, visit?.patient ?? "");
  setText(parts.state, stateText(alert));
  drawDue(parts.due, alert);
  parts.badges.replaceChildren(...badges(alert));
  setText(parts.more, moreText(others));
  setAttr(parts.more, "title", others.length ? t("incident.more_title") : null);
}

function moreText(others) {
  if (!others.length) return "";
  const kinds = [...new Set(others.map((one) => one.kind))].map((kind) => term("kind", kind));
  return t("incident.more", { n: others.length, kinds: kinds.join(t("list.comma")) });
}

function stateText(alert) {
  if (alert.state === "raised") return alert.escalation_level > 1 ? t("queue.level", { n: alert.escalation_level }) : "";
  const words = alert.state === "resolved" && alert.resolution ? term("reason", alert.resolution) : term("state", alert.state);
  return alert.owner && isOpen(alert) ? `${words} · ${alert.owner}` : words;
}

// One countdown a card: while the nurse may still cancel, that is the one that matters; then the escalation.
function drawDue(node, alert) {
  const due = [];
  if (alert.state === "raised") {
    if (alert.cancel_until) due.push([Date.parse(alert.cancel_until), "queue.cancel"]);
    if (alert.escalates_at) due.push([Date.parse(alert.escalates_at), "queue.escalates"]);
  }
  countdown(node, due);
}

/** Badges that change how an alert must be read. */
export function badges(alert) {
  const names = ["silent", "late", "test"].filter((name) => alert[name]);
  const nodes = names.map((name) =>
    el("span", { class: `badge ${name}`, title: t(`badge.${name}_title`) }, t(`badge.${name}`)),
  );
  if (alert.doubts?.length) {
    nodes.push(el("span", { class: "badge doubt" }, t("badge.doubt", { fields: fieldWords(alert.doubts) })));
  }
  return nodes;
}

// "All quiet" is a claim; without a connection it would be a lie.
function drawEmpty() {
  const { status } = state.connection;
  if (status !== "live" && !(status === "connecting" && state.loaded)) {
    const connecting = status === "connecting";
    empty.className = connecting ? "empty" : "empty unknown";
    empty.replaceChildren(
      lineIcon("unknown"),
      el("p", { class: "empty-title" }, t(connecting ? "queue.loading" : "queue.unknown")),
      connecting ? "" : el("p", {}, t("queue.unknown_more")),
    );
    return;
  }
  if (!state.loaded) {
    empty.className = "empty";
    empty.replaceChildren(el("p", { class: "empty-title" }, t("queue.loading")));
    return;
  }
  empty.className = "empty quiet";
  const last = Math.max(...[...state.alerts.values()].map((alert) => Date.parse(alert.raised_at)));
  empty.replaceChildren(
    lineIcon("quiet"),
    el("p", { class: "empty-title" }, t("queue.quiet")),
    el("p", {}, t("queue.quiet_more", { n: counts(state).fresh })),
    Number.isFinite(last) ? el("p", { class: "faint", data: { since: last, sinceKey: "queue.quiet_last" } }) : "",
  );
}

function forget(ordered) {
  const all = [...ordered.waiting, ...ordered.working, ...ordered.closed];
  if (cards.size <= all.length) return;
  const shown = new Set(all.map((alert) => alert.id));
  for (const id of cards.keys()) {
    if (!shown.has(id)) cards.delete(id);
  }
}

/** Bring the chosen card into sight. */
export function revealCard(id) {
  const card = cards.get(id);
  if (!card) return;
  card.node.scrollIntoView({ block: "nearest" });
  card.button.focus({ preventScroll: true });
}
