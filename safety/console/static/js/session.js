// Who is at the desk: login form, the lost session, logout.

import { get, post, Problem, request, whenUnauthorised } from "./api.js";
import { byId, setText } from "./dom.js";
import { startFeed, stopFeed } from "./feed.js";
import { t } from "./i18n.js";
import { change, forgetAll, state, view } from "./store.js";

let errorKey = null; // [key, params]: kept as a key so that it follows the language

export async function startSession() {
  byId("login-form").addEventListener("submit", onSubmit);
  byId("logout").addEventListener("click", logout);
  whenUnauthorised(onLost);
  view(["lang"], showError);
  if (document.documentElement.dataset.session !== "maybe") {
    showLogin();
    return;
  }
  try {
    await enter();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showLogin(error.status === 401 ? null : "login.unreachable");
  }
}

async function onSubmit(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const submit = byId("login-submit");
  if (submit.disabled) return;
  submit.disabled = true;
  setError(null);
  try {
    await post("/session", { username: form.username.value.trim(), password: form.password.value });
    await enter();
    form.reset();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    setError(...explain(error));
    form.password.select();
  } finally {
    submit.disabled = false;
  }
}

function explain(error) {
  if (error.status === 401) return ["login.wrong"];
  if (error.status === 429) {
    return error.body.retry_after_s
      ? ["login.too_many_s", { s: error.body.retry_after_s }]
      : ["login.too_many"];
  }
  if (error.status === 0) return ["login.unreachable"];
  return ["login.failed", { detail: error.message }];
}

async function enter() {
  const [me, config] = await Promise.all([get("/me"), get("/config")]);
  // A shared desk: what the person before was allowed to see must not stay.
  if (state.me && (state.me.login !== me.login || state.me.org !== me.org)) leave();
  change(["session", "config"], (s) => {
    s.me = me;
    s.config = { tiles: null, ...config };
  });
  byId("login").hidden = true;
  byId("console").hidden = false;
  byId("console").inert = false;
  startFeed();
}

function showLogin(key = null) {
  stopFeed();
  byId("login").hidden = false;
  byId("console").inert = true;
  setError(key);
  byId("login-user").focus();
}

// The console stays visible behind the form: what was known is still worth seeing, and is marked as stale.
function onLost() {
  if (!state.me || !byId("login").hidden) return;
  change(["connection"], (s) => {
    s.connection = { ...s.connection, status: "logged_out", staleSince: s.connection.lastFrameAt ?? Date.now() };
  });
  byId("login-user").value = state.me.login;
  showLogin("login.expired");
}

async function logout() {
  let key = null;
  try {
    await request("DELETE", "/session");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // The desk is left all the same; only say that the server has not heard of it.
    if (error.status !== 401) key = "login.logout_unheard";
  }
  leave();
  byId("console").hidden = true;
  showLogin(key);
}

function leave() {
  stopFeed({ forget: true });
  forgetAll();
}

function setError(key, params) {
  errorKey = key ? [key, params] : null;
  showError();
}

function showError() {
  const node = byId("login-error");
  node.hidden = !errorKey;
  setText(node, errorKey ? t(...errorKey) : "");
}
