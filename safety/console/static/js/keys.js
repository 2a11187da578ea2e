// The keyboard: one letter an action, never while typing; and the help that lists them.

import { act, allowedActions, selectAlert } from "./actions.js";
import { byId, el } from "./dom.js";
import { t } from "./i18n.js";
import { fitAll } from "./map.js";
import { revealCard, setFilter } from "./queue.js";
import { cardOf, queueOrder } from "./select.js";
import { state, view } from "./store.js";

const KEYS = {
  j: ["next", () => move(1)],
  k: ["previous", () => move(-1)],
  a: ["acknowledge", () => perform("acknowledge")],
  d: ["dispatch", () => press("action-dispatch")],
  r: ["resolve", () => focusOn("resolve-reason")],
  n: ["note", () => focusOn("note-text")],
  f: ["fit", fitAll],
  o: ["filter", () => setFilter(state.filter === "open" ? "all" : "open")],
  "?": ["help", () => byId("help").showModal()],
};

export function mountKeys() {
  document.addEventListener("keydown", onKey);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  view(["lang", "session"], drawHelp);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  if (!state.me || byId("console").inert || document.querySelector("dialog[open]")) return;
  const typing = event.target.closest?.("input, select, textarea");
  if (event.key === "Escape" && typing) typing.blur();
  if (typing) return;
  const entry = KEYS[event.key];
  if (!entry || (state.view !== "alerts" && event.key !== "?")) return;
  event.preventDefault();
  entry[1]();
}

function move(step) {
  const order = queueOrder(state);
  if (!order.length) return;
  const at = order.indexOf(cardOf(state, state.selected));
  const next = at < 0 ? 0 : Math.min(order.length - 1, Math.max(0, at + step));
  selectAlert(order[next]);
  revealCard(order[next]);
}

function perform(action) {
  const alert = state.alerts.get(state.selected);
  if (allowedActions(alert).includes(action)) act(alert.id, action);
}

function control(testid) {
  return document.querySelector(`#detail [data-testid="${testid}"]`);
}

// Through the button, so that the chosen responder goes with it.
function press(testid) {
  const button = control(testid);
  if (button && !button.hidden && !button.disabled) button.click();
}

function focusOn(testid) {
  const node = control(testid);
  if (node && node.offsetParent) node.focus();
}

function drawHelp() {
  byId("help-keys").replaceChildren(
    ...Object.entries(KEYS).flatMap(([key, [name]]) => [
      el("dt", {}, el("kbd", {}, key)),
      el("dd", {}, t(`help.${name}`)),
    ]),
  );
}
