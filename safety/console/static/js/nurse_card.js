// The small card of a nurse chosen on the map: who, how old the position, visit, devices.

import { byId, el } from "./dom.js";
import { metresText } from "./geo.js";
import { lang, t, term } from "./i18n.js";
import { presenceNode } from "./presence.js";
import { freshness } from "./select.js";
import { change, isOpen, state, view } from "./store.js";
import { tellBar } from "./tell_bar.js";
import { now, tick } from "./time.js";

let shown = null; // {nurse, lang, facts, tell}: what is being typed to her must survive a new position

export function mountNurseCard() {
  view(["selection", "positions", "devices", "nurses", "visits", "lang", "alerts", "session", "told"], draw);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.selectedNurse) close();
  });
}

function close() {
  change(["selection"], (s) => {
    s.selectedNurse = null;
  });
}

function draw() {
  const root = byId("nurse-card");
  const position = state.positions.get(state.selectedNurse);
  root.hidden = !position;
  if (!position) {
    shown = null;
    return;
  }
  if (shown?.nurse !== position.nurse || shown.lang !== lang()) {
    shown = { nurse: position.nurse, lang: lang(), facts: el("div"), tell: tellBar() };
    root.replaceChildren(shown.facts, shown.tell.node);
  }
  drawFacts(shown.facts, position);
  shown.tell.update(position.nurse, { quiet: mustBeQuiet(position.nurse) });
  tick(root);
}

function mustBeQuiet(nurse) {
  return [...state.alerts.values()].some((one) => one.nurse === nurse && isOpen(one) && (one.silent || one.kind === "duress"));
}

function drawFacts(root, position) {
  const nurse = state.nurses.get(position.nurse);
  root.replaceChildren(
    el(
      "header",
      {},
      el("strong", {}, position.nurse_name ?? nurse?.name ?? position.nurse),
      el("button", { type: "button", class: "link", "aria-label": t("map.close"), on: { click: close } }, "×"),
    ),
    nurse?.phone ? el("a", { href: `tel:${nurse.phone.replace(/[^+\d]/g, "")}` }, nurse.phone) : "",
    el(
      "p",
      { class: `age-${freshness(position.time)}` },
      el("span", { data: { since: Date.parse(position.time), sinceKey: "map.nurse_fresh" } }),
      ` · ${position.accuracy_m == null ? t("detail.accuracy_unknown") : t("detail.accuracy", { m: metresText(position.accuracy_m) })}`,
    ),
    el("p", { class: "faint" }, visitText(position.nurse)),
    el("ul", { class: "plain" }, deviceRows(position.nurse)),
  );
}

function visitText(nurse) {
  const present = now();
  for (const visit of state.visits.values()) {
    const running = Date.parse(visit.starts_at) <= present && Date.parse(visit.ends_at) >= present;
    if (visit.nurse === nurse && running) return [t("map.on_visit"), visit.patient].filter(Boolean).join(" · ");
  }
  return t("map.no_visit");
}

function deviceRows(nurse) {
  return [...state.devices.values()]
    .filter((device) => device.nurse === nurse && !device.revoked)
    .map((device) =>
      el(
        "li",
        {},
        term("device", device.kind),
        " ",
        presenceNode(device),
        device.battery_pct == null ? "" : ` · ${t("detail.battery", { pct: Math.round(device.battery_pct) })}`,
      ),
    );
}
