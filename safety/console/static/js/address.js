// The page's address: which view is shown and which alert is chosen, so that a reload stays there. `#/alerts/ID` is
// what notifications link to.

import { selectAlert } from "./actions.js";
import { change, immediately, state } from "./store.js";

const ALERT = /^#\/alerts\/([\w-]+)$/;
const DEVICES = "#devices";

export function mountAddress() {
  window.addEventListener("hashchange", follow);
  follow();
  immediately(["view", "selection"], write);
}

// An address that names nothing means the desk, with whatever is chosen there.
function follow() {
  const id = ALERT.exec(location.hash)?.[1];
  change(["view"], (s) => {
    s.view = location.hash === DEVICES ? "devices" : "alerts";
  });
  if (id) selectAlert(id);
  write();
}

function write() {
  const hash = state.view === "devices" ? DEVICES : state.selected ? `#/alerts/${state.selected}` : "";
  if (location.hash !== hash) history.replaceState(null, "", location.pathname + hash);
}
