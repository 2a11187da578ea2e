// Which view fills the page: the alerts' desk, or the devices.

import { byId } from "./dom.js";
import { change, state, view } from "./store.js";

export function mountViews() {
  for (const button of document.querySelectorAll(".views button")) {
    button.addEventListener("click", () => show(button.dataset.view));
  }
  view(["view"], draw);
}

function show(name) {
  change(["view"], (s) => {
    s.view = name;
  });
}

function draw() {
  byId("alerts-view").hidden = state.view !== "alerts";
  byId("devices-view").hidden = state.view !== "devices";
  for (const button of document.querySelectorAll(".views button")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
  }
}
