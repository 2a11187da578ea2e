// "Locate now" and "Message" for a nurse's device, with what became of the last ones.

import { el, setText } from "./dom.js";
import { t, term } from "./i18n.js";
import { mayAct } from "./select.js";
import { state } from "./store.js";
import { deviceToTell, loadTold, shownOf, tell } from "./tell.js";
import { clockText } from "./time.js";

const SHOWN = 3;

/** The bar: {node, update(nurse, {quiet})}. `quiet`: nothing near her may ring, so she is sent no message. */
export function tellBar() {
  let device = null;
  const heading = el("span", { class: "faint" });
  const locate = el("button", { type: "button", class: "button", data: { testid: "tell-locate" } }, t("tell.locate"));
  const open = el("button", { type: "button", class: "button", data: { testid: "tell-message" } }, t("tell.message"));
  const text = el("input", {
    maxlength: "500",
    required: true,
    "aria-label": t("tell.words"),
    placeholder: t("tell.placeholder"),
    data: { testid: "tell-text" },
  });
  const form = el("form", { class: "joined", hidden: true }, text, el("button", { class: "button", data: { testid: "tell-send" } }, t("tell.send")));
  const hint = el("p", { class: "faint", hidden: true }, t("tell.quiet"));
  const failure = el("p", { class: "forbid", role: "alert" });
  const list = el("ul", { class: "plain told", data: { testid: "told" }, "aria-live": "polite" });
  const node = el("section", { class: "tell", hidden: true }, el("div", { class: "tell-row" }, heading, locate, open), form, hint, failure, list);

  async function send(body) {
    failure.textContent = "";
    locate.disabled = true;
    const problem = await tell(device.id, body);
    locate.disabled = false;
    if (problem) failure.textContent = problem.status ? t("tell.refused", { detail: problem.message }) : t("tell.unreachable");
    return !problem;
  }

  locate.addEventListener("click", () => send({ kind: "locate" }));
  open.addEventListener("click", () => {
    form.hidden = !form.hidden;
    if (!form.hidden) text.focus();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!(await send({ kind: "message", text: text.value }))) return;
    form.reset();
    form.hidden = true;
  });

  return {
    node,
    update(nurse, { quiet = false } = {}) {
      const found = mayAct(state) ? deviceToTell(nurse) : null;
      node.hidden = !found;
      if (!found) return;
      if (found.id !== device?.id) {
        failure.textContent = "";
        form.hidden = true;
        loadTold(found.id);
      }
      device = found;
      setText(heading, term("device", device.kind));
      open.hidden = quiet;
      hint.hidden = !quiet;
      if (quiet) form.hidden = true;
      list.replaceChildren(...shownOf(device.id, SHOWN).map((command) => row(command, device)));
    },
  };
}

function row(command, device) {
  const waits = command.state === "queued" && device.state !== "offline";
  const at = command.answered_at ? clockText(command.answered_at) : "";
  const words = {
    at: clockText(command.created_at),
    what: term("down", command.kind),
    state: t(waits ? "delivery.sending" : `delivery.${command.state}`, { at }),
    by: command.asked_by,
  };
  const mine = command.asked_by === state.me?.login;
  return el("li", { data: { state: command.state, kind: command.kind } }, t(mine ? "tell.line" : "tell.line_by", words));
}
