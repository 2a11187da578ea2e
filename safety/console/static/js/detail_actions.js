// The buttons of an alert and their choices (responder, reason, note). Enabled by what the state allows, never by hope.

import { act, allowedActions } from "./actions.js";
import { openOthers } from "./detail_incident.js";
import { el, setAttr } from "./dom.js";
import { distanceM, metresText } from "./geo.js";
import { t } from "./i18n.js";
import { mayAct } from "./select.js";
import { change, isOpen, state } from "./store.js";

const REASONS = ["assisted", "medical", "police", "false_alarm", "no_fault_found", "test"];
const LEVELS = ["0", "1", "2", "3", "4"];

/** The action bar of one alert: {node, noteForm, update(alert)}. */
export function actionBar(id) {
  const responder = el("select", { "aria-label": t("action.responder"), data: { testid: "dispatch-responder" } });
  const reason = reasonSelect();
  const whole = wholeIncident();
  const buttons = {
    acknowledge: button("acknowledge", () => act(id, "acknowledge")),
    dispatch: button("dispatch", () => act(id, "dispatch", responder.value ? { responder: responder.value } : {})),
    arrive: button("arrive", () => act(id, "arrive")),
    assign: button("assign", () => act(id, "assign", { user: state.me.login })),
    resolve: button("resolve", () => resolve(id, reason, whole.box)),
  };
  const hint = el("p", { class: "faint actions-hint" });
  const node = el(
    "div",
    { class: "actions" },
    buttons.acknowledge,
    buttons.arrive,
    buttons.assign,
    el("div", { class: "joined", data: { part: "dispatch" } }, responder, buttons.dispatch),
    el("div", { class: "joined", data: { part: "resolve" } }, reason, buttons.resolve),
    whole.node,
    hint,
  );
  const { form: noteForm, update: updateNote } = noteFormOf(id);
  return {
    node,
    noteForm,
    update(alert) {
      updateButtons(alert, buttons);
      fillResponders(responder, alert);
      node.querySelector('[data-part="dispatch"]').hidden = buttons.dispatch.hidden;
      node.querySelector('[data-part="resolve"]').hidden = buttons.resolve.hidden;
      whole.update(alert, buttons.resolve.hidden);
      hint.textContent = mayAct(state) ? (isOpen(alert) ? "" : t("detail.closed")) : t("detail.read_only");
      hint.hidden = !hint.textContent;
      updateNote(alert);
    },
  };
}

function button(action, run) {
  return el("button", { type: "button", class: "button", data: { testid: `action-${action}`, action }, on: { click: run } }, t(`action.${action}`));
}

function updateButtons(alert, buttons) {
  const allowed = new Set(allowedActions(alert));
  if (mayAct(state) && isOpen(alert) && alert.state !== "raised" && alert.owner !== state.me.login) allowed.add("assign");
  const first = allowed.values().next().value;
  for (const [action, node] of Object.entries(buttons)) {
    node.hidden = !allowed.has(action);
    node.disabled = Boolean(state.busy);
    node.classList.toggle("primary", action === first);
    const busy = state.busy?.alert === alert.id && state.busy.action === action;
    setAttr(node, "aria-busy", busy ? "true" : null);
  }
}

function reasonSelect() {
  return el(
    "select",
    { "aria-label": t("action.reason"), data: { testid: "resolve-reason" } },
    el("option", { value: "" }, t("action.reason_choose")),
    REASONS.map((name) => el("option", { value: name }, t(`reason.${name}`))),
  );
}

// Closing one alert pages for what it held; closing the incident is a choice of its own, never the default.
function wholeIncident() {
  const box = el("input", { type: "checkbox", data: { testid: "resolve-incident" } });
  const words = el("span");
  const node = el("label", { class: "whole-incident" }, box, words);
  return {
    box,
    node,
    update(alert, hidden) {
      const n = openOthers(alert);
      node.hidden = hidden || !n;
      if (node.hidden) box.checked = false;
      words.textContent = t("incident.resolve_all", { n });
    },
  };
}

function resolve(id, reason, whole) {
  const body = whole.checked ? { incident: true } : {};
  if (reason.value) return act(id, "resolve", { reason: reason.value, ...body });
  change(["notice"], (s) => {
    s.notice = { alert: id, kind: "reason", action: "resolve" };
  });
  reason.focus();
  return Promise.resolve(false);
}

// Nearest first: at three in the morning nobody should have to know the map by heart.
function fillResponders(select, alert) {
  const here = alert.position;
  const list = [...state.responders.values()].map((responder) => {
    const away = here && responder.lat != null && responder.lon != null ? distanceM(here, responder) : null;
    return { ...responder, away };
  });
  list.sort((a, b) => (a.away ?? Infinity) - (b.away ?? Infinity) || a.name.localeCompare(b.name));
  const signature = list.map((r) => `${r.id}${r.name}${r.away && metresText(r.away)}`).join("|");
  if (select.dataset.signature === signature) return;
  select.dataset.signature = signature;
  const chosen = select.value;
  select.replaceChildren(
    el("option", { value: "" }, t("action.responder_any")),
    ...list.map((r) =>
      el("option", { value: r.id }, r.away === null ? r.name : `${r.name} · ${metresText(r.away)}`),
    ),
  );
  select.value = list.some((r) => r.id === chosen) ? chosen : "";
}

function noteFormOf(id) {
  const text = el("textarea", {
    rows: "2",
    maxlength: "2000",
    placeholder: t("detail.note_placeholder"),
    "aria-label": t("detail.note"),
    data: { testid: "note-text" },
  });
  const level = el(
    "select",
    { "aria-label": t("detail.verify"), data: { testid: "verify-level" } },
    el("option", { value: "" }, t("detail.verify_none")),
    LEVELS.map((name) => el("option", { value: name }, t(`verify.${name}`))),
  );
  const send = el("button", { class: "button", data: { testid: "action-note" } }, t("detail.note_send"));
  const form = el("form", { class: "note-form" }, text, el("div", { class: "note-row" }, level, send));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const sent = text.value;
    if (!(await sendNote(id, sent.trim(), level.value))) return;
    level.value = "";
    if (text.value === sent) text.value = ""; // what was written meanwhile is not yet sent
  });
  return {
    form,
    update(alert) {
      form.hidden = !mayAct(state);
      level.hidden = !isOpen(alert); // a closed alert takes notes, and nothing else
      if (level.hidden) level.value = "";
      send.disabled = Boolean(state.busy);
    },
  };
}

function sendNote(id, text, level) {
  if (level) return act(id, "verify", { level: Number(level), ...(text ? { text } : {}) });
  return text ? act(id, "note", { text }) : Promise.resolve(false);
}
