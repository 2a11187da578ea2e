// Which view fills the page: the alerts' desk, or the devices. The address keeps it, so that a reload stays.

import { byId } from "./dom.js";
import { change, state, view } from "./store.js";

const VIEWS = ["alerts", "devices"];

export function mountViews() {
  for (const button of document.querySelectorAll(".views button")) {
    button.addEventListener("click", () => show(button.dataset.view));
  }
  window.addEventListener("hashchange", () => show(location.hash.slice(1)));
  view(["view"], draw);
  show(location.hash.slice(1));
}

/** Show one of the views; what is none of them means the alerts. */
export function show(name) {
  const next = VIEWS.includes(name) ? name : "alerts";
  if (location.hash.slice(1) !== next && (next !== "alerts" || location.hash)) {
    history.replaceState(null, "", next === "alerts" ? location.pathname : `#${next}`);
  }
  change(["view"], (s) => {
    s.view = next;
  });
}

function draw() {
  byId("alerts-view").hidden = state.view !== "alerts";
  byId("devices-view").hidden = state.view !== "devices";
  for (const button of document.querySelectorAll(".views button")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
  }
}
