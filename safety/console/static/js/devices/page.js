// The devices' view, put together from its panels.

import { byId } from "../dom.js";
import { immediately, state } from "../store.js";
import { mountBoard } from "./board.js";
import { mountCard } from "./card.js";
import { mountForms } from "./forms.js";
import { mountList } from "./list.js";
import { readBoard } from "./model.js";
import { holdWhilePressed } from "./redraw.js";
import { mountSecret } from "./secret.js";

export function mountDevices() {
  holdWhilePressed(byId("devices-view"));
  mountBoard();
  mountList();
  mountCard();
  mountForms();
  mountSecret();
  immediately(["view", "session"], () => {
    if (state.view === "devices" && state.me) readBoard();
  });
}
