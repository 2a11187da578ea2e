// The page's address: which view is shown and which alert is chosen, so that a reload stays there and back leads to the
// view before. `#/alerts/ID` is what notifications link to.

import { selectAlert } from "./actions.js";
import { change, immediately, state } from "./store.js";

const ALERT = /^#\/alerts\/([\w-]+)$/;
const DEVICES = "#/devices";

export function mountAddress() {
  window.addEventListener("hashchange", follow);
  follow();
  immediately(["view", "selection"], write);
}

const viewIn = (hash) => (hash === DEVICES ? "devices" : "alerts");

// An address that names nothing means the desk, with whatever is chosen there.
function follow() {
  const id = ALERT.exec(location.hash)?.[1];
  change(["view"], (s) => {
    s.view = viewIn(location.hash);
    s.selected = id ?? s.selected;
  });
  if (id) selectAlert(id);
  write();
}

// A change of view is a step that can be taken back; choosing one alert after the other is not.
function write() {
  const hash = state.view === "devices" ? DEVICES : state.selected ? `#/alerts/${state.selected}` : "";
  if (location.hash === hash) return;
  const address = location.pathname + hash;
  if (viewIn(location.hash) === state.view) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}
