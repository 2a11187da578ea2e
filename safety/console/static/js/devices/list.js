// The list of devices: searched, narrowed, chosen from.

import { byId, el, setAttr, setText } from "../dom.js";
import { t, term } from "../i18n.js";
import { presenceNode } from "../presence.js";
import { state, view } from "../store.js";
import { changeFleet, filtered, mayEdit, nurseName, selectDevice } from "./model.js";
import { isHeld, redraw } from "./redraw.js";
import { heardText, pctText, testedText } from "./words.js";

const COLUMNS = ["device", "nurse", "state", "battery", "tested"];

export function mountList() {
  byId("device-search").addEventListener("input", (event) => narrow({ text: event.target.value }));
  byId("device-kind").addEventListener("change", (event) => narrow({ kind: event.target.value }));
  byId("device-use").addEventListener("change", (event) => narrow({ use: event.target.value }));
  view(["lang"], drawFilters);
  view(["fleet", "nurses", "lang", "view", "session"], draw);
}

function narrow(change) {
  changeFleet((fleet) => Object.assign(fleet.filter, change));
}

function drawFilters() {
  const { kind, use } = state.fleet.filter;
  setAttr(byId("device-search"), "placeholder", t("devices.search"));
  setAttr(byId("device-search"), "aria-label", t("devices.search"));
  fill("device-kind", kind, [["", t("devices.any_kind")], ...["phone", "recorder", "button"].map((one) => [one, term("device", one)])]);
  fill("device-use", use, [["in_use", t("devices.in_use")], ["revoked", t("devices.revoked")], ["", t("devices.any_state")]]);
}

function fill(id, chosen, options) {
  byId(id).replaceChildren(...options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
}

function draw() {
  byId("device-add").hidden = !mayEdit();
  byId("device-import").hidden = !mayEdit();
  if (state.view !== "devices" || isHeld()) return;
  const { shown, count } = filtered();
  setText(byId("device-count"), t("devices.count", { n: count, all: state.devices.size }));
  const rest = count - shown.length;
  redraw(
    byId("device-list"),
    el(
      "table",
      { class: "device-table" },
      el("thead", {}, el("tr", {}, COLUMNS.map((name) => el("th", { scope: "col" }, t(`devices.col_${name}`))))),
      el("tbody", {}, shown.map(row)),
    ),
    shown.length ? "" : el("p", { class: "device-none" }, t("devices.none")),
    rest > 0 ? el("p", { class: "device-none faint" }, t("devices.more", { n: rest })) : "",
  );
}

// The whole row is clicked, the button in it is what the keyboard reaches.
function row(device) {
  const chosen = state.fleet.selected === device.id;
  const choose = el(
    "button",
    { type: "button", class: "row-button", data: { key: device.id }, "aria-pressed": String(chosen) },
    el("span", {}, term("device", device.kind)),
    el("span", { class: "faint" }, device.external_id ?? device.id),
  );
  return el(
    "tr",
    { data: { testid: "device-row", device: device.id, revoked: device.revoked ? "yes" : null }, on: { click: () => selectDevice(device.id) } },
    el("td", {}, choose),
    el("td", {}, nurseName(device.nurse) ?? t("devices.nobody")),
    el("td", {}, presenceNode(device), " ", el("span", { class: "faint" }, heardText(device))),
    el("td", { class: "figures" }, device.battery_pct == null ? "–" : pctText(device.battery_pct)),
    el("td", {}, testedText(device)),
  );
}
