// The board: devices worth worrying about, worst first; and those that nobody has tested for a month.

import { byId, el } from "../dom.js";
import { t } from "../i18n.js";
import { lineIcon } from "../icons.js";
import { state, view } from "../store.js";
import { changeFleet, selectDevice } from "./model.js";
import { isHeld, redraw } from "./redraw.js";
import { deviceName, heardText, testedText, worryText } from "./words.js";

export function mountBoard() {
  for (const button of document.querySelectorAll("[data-board]")) {
    button.addEventListener("click", () =>
      changeFleet((fleet) => {
        fleet.tab = button.dataset.board;
      }),
    );
  }
  view(["fleet", "nurses", "lang", "view"], draw);
}

function draw() {
  if (state.view !== "devices" || isHeld()) return;
  const { tab, board, untested, failed } = state.fleet;
  for (const button of document.querySelectorAll("[data-board]")) {
    button.setAttribute("aria-pressed", String(button.dataset.board === tab));
  }
  const items = tab === "board" ? board : untested;
  const root = byId("device-board");
  if (failed) redraw(root, nothing("unknown", t("devices.read_failed", { detail: failed })));
  else if (!items) redraw(root, nothing("unknown", t("queue.loading")));
  else if (!items.length) redraw(root, nothing("quiet", t(`devices.${tab}_empty`), t(`devices.${tab}_empty_more`)));
  else redraw(root, el("ol", { class: "worries" }, items.map(tab === "board" ? worrying : notTested)));
}

function worrying({ device, worries }) {
  const known = state.devices.get(device.id) ?? device; // as the list beside it has it: the board is read less often
  return card(
    device,
    worries[0].urgency,
    worries.map((worry) => el("li", { data: { urgency: worry.urgency, reason: worry.reason } }, worryText(worry, known))),
  );
}

function notTested(device) {
  return card(device, "info", [
    el("li", { data: { urgency: "info" } }, `${t("devices.tested")}: ${testedText(device)}`),
    el("li", { class: "faint" }, `${t("devices.heard")}: ${heardText(device)}`),
  ]);
}

function card(device, urgency, reasons) {
  return el(
    "li",
    { class: "worry", data: { urgency, testid: "worry", device: device.id } },
    el(
      "button",
      {
        type: "button",
        class: "worry-button",
        data: { key: device.id },
        "aria-pressed": String(state.fleet.selected === device.id),
        on: { click: () => selectDevice(device.id) },
      },
      el("strong", {}, deviceName(device)),
      el("span", { class: "chip" }, t(`urgency.${urgency}`)),
    ),
    el("ul", { class: "reasons" }, reasons),
  );
}

function nothing(icon, title, more) {
  return el(
    "div",
    { class: `empty ${icon}` },
    lineIcon(icon),
    el("p", { class: "empty-title" }, title),
    more ? el("p", {}, more) : "",
  );
}
