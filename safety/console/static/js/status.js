// The status bar: connection, clock, counts, user; and the banner that makes stale data plain.

import { byId, el, setAttr, setText } from "./dom.js";
import { retryNow, staleForMs } from "./feed.js";
import { locale, t, term } from "./i18n.js";
import { counts } from "./select.js";
import { immediately, state, view } from "./store.js";
import { durationText, now } from "./time.js";

const COUNTS = ["waiting", "working", "located", "offline"];
const numbers = new Map();

export function mountStatus() {
  byId("counts").append(
    ...COUNTS.map((name) => {
      const number = el("b");
      const label = el("span");
      const node = el("li", { data: { count: name } }, number, label);
      numbers.set(name, { number, label, node });
      return node;
    }),
  );
  byId("stale-retry").addEventListener("click", retryNow);
  view(["alerts", "positions", "devices", "lang"], drawCounts);
  view(["session", "config", "lang"], drawUser);
  view(["connection", "lang"], drawConnection);
  immediately(["alerts", "lang", "session"], drawTitle);
}

/** Called every second. */
export function statusTick() {
  const clock = byId("clock");
  const date = new Date(now());
  setText(
    clock,
    new Intl.DateTimeFormat(locale(), {
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hour12: false,
    }).format(date),
  );
  setAttr(clock, "datetime", date.toISOString());
  drawConnection();
  drawCounts();
}

function drawConnection() {
  const { status, attempt } = state.connection;
  const node = byId("connection");
  node.dataset.state = status;
  const age = durationText(staleForMs());
  setText(node.querySelector("span"), t(`connection.${status}`, { age }));
  const stale = status === "reconnecting";
  byId("stale").hidden = !stale;
  byId("console").toggleAttribute("data-stale", stale || status === "logged_out");
  if (stale) setText(byId("stale-text"), t("stale.text", { age, n: attempt }));
}

function drawCounts() {
  const values = counts(state);
  for (const name of COUNTS) {
    const { number, label, node } = numbers.get(name);
    setText(number, name === "located" ? `${values.fresh}/${values.located}` : String(values[name]));
    setText(label, t(`bar.${name}`));
    setAttr(node, "title", t(`bar.${name}_title`));
    node.toggleAttribute("data-some", Number(values[name]) > 0);
  }
}

function drawUser() {
  const { me, config } = state;
  setText(byId("user"), me ? me.login : "");
  setAttr(byId("user"), "title", me ? term("role", me.role) : null);
  const name = me?.org_name ?? "";
  byId("org").replaceChildren(
    el("span", { class: "org-name", title: name }, name),
    config.demo ? el("span", { class: "badge" }, t("bar.demo")) : "",
  );
}

// The tab's title counts what waits, for a dispatcher who is in another tab.
function drawTitle() {
  const { waiting } = counts(state);
  document.title = waiting ? t("app.title_waiting", { n: waiting }) : t("app.title");
}
