// The message about the last action on an alert: somebody was first, or it was not carried out.

import { el } from "./dom.js";
import { t, term } from "./i18n.js";
import { state } from "./store.js";
import { clockText } from "./time.js";

/** A node for the chosen alert's notice, or null. */
export function noticeNode(alert) {
  const { notice } = state;
  if (!notice || notice.alert !== alert.id) return null;
  const action = t(`action.${notice.action}`);
  if (notice.kind === "conflict") {
    return el("p", { class: "notice conflict", data: { testid: "conflict" } }, conflictText(notice, action));
  }
  return el("p", { class: "notice problem", data: { testid: "problem" } }, problemText(notice, action));
}

// What holds now is seen everywhere else: the state here is the one that stood in the way.
function conflictText(notice, action) {
  const at = notice.at ? clockText(notice.at) : "–";
  return t(conflictKey(notice), { by: notice.by, at, state: term("state", notice.state ?? "?"), action });
}

// It waits again after another press, and only its nurse cancels it: whoever acted last did neither.
function conflictKey({ by, state: then }) {
  if (!by || then === "raised" || then === "cancelled") return "notice.conflict_unknown";
  return by === state.me?.login ? "notice.conflict_own" : "notice.conflict";
}

function problemText(notice, action) {
  if (notice.kind === "reason") return t("action.reason_missing");
  if (notice.status === 0) return t("notice.unreachable", { action });
  if (notice.status === 403) return t("notice.forbidden", { action });
  return t("notice.problem", { action, detail: notice.detail });
}
