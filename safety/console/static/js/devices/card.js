// One device: how it is, who had it, and what can be done with it.

import { post, Problem, request } from "../api.js";
import { byId, el } from "../dom.js";
import { t } from "../i18n.js";
import { lineIcon } from "../icons.js";
import { presenceNode } from "../presence.js";
import { state, view } from "../store.js";
import { clockText, countdown, now, tick } from "../time.js";
import { changeFleet, mayEdit, nurseName, readBoard, readHistory, takeDevice } from "./model.js";
import { isHeld, redraw } from "./redraw.js";
import { showSecret } from "./secret.js";
import { batteryText, clockWords, deviceName, gpsText, heardText, spanOf, testedText } from "./words.js";

const MINUTES = [5, 10, 30, 60];
let drawn = null; // what was asked when the card was last drawn: a field that is being filled in must stay

let shown = null; // id of the device on the card

export function mountCard() {
  view(["fleet", "nurses", "lang", "view", "session"], draw);
}

function draw() {
  if (state.view !== "devices" || isHeld()) return;
  const root = byId("device-card");
  const device = state.devices.get(state.fleet.selected);
  const asked = `${state.fleet.selected} ${state.fleet.asking} ${state.fleet.problem}`;
  if (asked === drawn && root.querySelector("form")?.contains(document.activeElement)) return;
  drawn = asked;
  const isNew = state.fleet.selected !== shown;
  shown = state.fleet.selected;
  if (!device) {
    redraw(
      root,
      el("div", { class: "empty" }, lineIcon("select"), el("p", { class: "empty-title" }, t("devices.choose")), el("p", {}, t("devices.choose_more"))),
    );
    return;
  }
  redraw(
    root,
    el(
      "header",
      { class: "device-head" },
      el("h3", { class: "device-title" }, deviceName(device)),
      presenceNode(device),
    ),
    testNote(device),
    state.fleet.problem ? el("p", { class: "notice problem", role: "alert", data: { testid: "device-problem" } }, t("devices.failed", { detail: state.fleet.problem })) : "",
    actions(device),
    section("devices.health", facts(health(device))),
    section("devices.identity", facts(identity(device))),
    section("devices.history", history()),
  );
  tick(root);
  if (isNew) root.scrollIntoView({ block: "start" }); // on a phone it lies below the list
}

function testNote(device) {
  if (!device.test_until || Date.parse(device.test_until) <= now() - 60_000) return "";
  const note = el("p", { class: "notice", data: { testid: "device-testing" } });
  countdown(note, [[Date.parse(device.test_until), "devices.test_running"]]);
  return note;
}

const section = (key, content) => el("section", { class: "device-part" }, el("h3", {}, t(key)), content);

const facts = (pairs) =>
  el("dl", { class: "device-facts" }, pairs.filter(([, value]) => value != null).flatMap(([key, value]) => [el("dt", {}, t(key)), el("dd", {}, value)]));

function health(device) {
  const gps = device.kind === "button" && !device.last_fix_at ? null : gpsText(device);
  return [
    ["devices.heard", heardText(device)],
    ["devices.battery", batteryText(device)],
    ["devices.signal", device.signal_dbm == null ? t("devices.unknown") : `${Math.round(device.signal_dbm)} dBm`],
    ["devices.gps", gps],
    ["devices.clock", clockWords(device)],
    ["devices.firmware", device.firmware ?? t("devices.unknown")],
    ["devices.tested", testedText(device)],
  ];
}

function identity(device) {
  return [
    ["devices.id", el("code", {}, device.id)],
    ["devices.codec", device.codec],
    ["devices.external_id", device.external_id ? el("code", {}, device.external_id) : null],
    ["devices.added", clockText(device.added_at, { seconds: false })],
  ];
}

function history() {
  const { history: bindings } = state.fleet;
  if (!bindings) return el("p", { class: "faint" }, t("queue.loading"));
  if (!bindings.length) return el("p", { class: "faint" }, t("devices.history_none"));
  return el("ol", { class: "device-history", data: { testid: "device-history" } }, bindings.map(bound));
}

function bound(binding) {
  const by = [t("devices.history_by", { by: binding.given_by })];
  if (binding.ended_how) by.push(t(`devices.ended.${binding.ended_how}`, { by: binding.ended_by ?? "–" }));
  return el(
    "li",
    {},
    el("strong", {}, binding.nurse_name ?? nurseName(binding.nurse)),
    el("span", {}, spanOf(binding)),
    el("span", { class: "faint" }, by.join(" · ")),
  );
}

// --- what can be done

function actions(device) {
  if (device.revoked) return "";
  if (!mayEdit()) return el("p", { class: "faint device-part" }, t("devices.read_only"));
  const { asking } = state.fleet;
  const buttons = ["hand", "test", "rotate", "revoke"].map((name) =>
    el(
      "button",
      { type: "button", class: "button", "aria-pressed": String(asking === name), data: { testid: `device-${name}`, key: name }, on: { click: () => ask(name) } },
      t(`devices.do_${name}`),
    ),
  );
  return el("div", { class: "device-actions" }, el("div", { class: "device-buttons" }, buttons), asking ? question(asking, device) : "");
}

function ask(name) {
  changeFleet((fleet) => {
    Object.assign(fleet, { asking: fleet.asking === name ? null : name, problem: null });
  });
}

function question(name, device) {
  const field = { hand: nurseField, test: minutesField }[name]?.(device) ?? "";
  const more = { test: "devices.test_more", rotate: "devices.rotate_more", revoke: "devices.revoke_more" }[name];
  return el(
    "form",
    { class: "device-question", data: { testid: "device-question" }, on: { submit: (event) => answer(event, name, device) } },
    more ? el("p", {}, t(more)) : "",
    field,
    el("div", { class: "device-buttons" },
      el("button", { type: "submit", class: "button primary", data: { testid: "device-confirm" } }, t("devices.confirm")),
      el("button", { type: "button", class: "button quiet", on: { click: () => ask(name) } }, t("devices.cancel"))),
  );
}

function nurseField(device) {
  return el("label", {}, t("devices.hand_to"), nurseSelect(device.nurse));
}

/** A choice of nurses by name, without one of them. */
export function nurseSelect(without) {
  const nurses = [...state.nurses.values()].filter((nurse) => nurse.id !== without).sort((a, b) => a.name.localeCompare(b.name));
  return el(
    "select",
    { name: "nurse", required: true, data: { testid: "device-nurse" } },
    el("option", { value: "" }, t("devices.pick_nurse")),
    nurses.map((nurse) => el("option", { value: nurse.id }, nurse.name)),
  );
}

function minutesField() {
  const options = MINUTES.map((min) => el("option", { value: min * 60, selected: min === 10 }, t("time.min", { min })));
  return el("label", {}, t("devices.test_within"), el("select", { name: "within_s" }, options));
}

const CALLS = {
  hand: (path, form) => request("PATCH", path, { nurse: form.get("nurse") }),
  test: (path, form) => post(`${path}/test`, { within_s: Number(form.get("within_s")) }),
  rotate: (path) => post(`${path}/rotate`, {}),
  revoke: (path) => request("PATCH", path, { revoked: true }),
};

async function answer(event, name, device) {
  event.preventDefault();
  const form = event.currentTarget;
  const submit = form.querySelector("[type=submit]");
  if (submit.disabled) return;
  submit.disabled = true;
  try {
    const answered = await CALLS[name](`/devices/${encodeURIComponent(device.id)}`, new FormData(form));
    takeDevice(answered);
    changeFleet((fleet) => Object.assign(fleet, { asking: null, problem: null }));
    if (answered.secret) showSecret(answered);
    await Promise.all([readHistory(device.id), readBoard()]);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    changeFleet((fleet) => {
      fleet.problem = error.message;
    });
  } finally {
    submit.disabled = false;
  }
}
