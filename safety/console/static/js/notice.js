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
    const key = notice.by ? "notice.conflict" : "notice.conflict_unknown";
    const at = notice.at ? clockText(notice.at) : "–";
    const text = t(key, { by: notice.by, at, state: term("state", alert.state), action });
    return el("p", { class: "notice conflict", data: { testid: "conflict" } }, text);
  }
  return el("p", { class: "notice problem", data: { testid: "problem" } }, problemText(notice, action));
}

function problemText(notice, action) {
  if (notice.kind === "reason") return t("action.reason_missing");
  if (notice.status === 0) return t("notice.unreachable", { action });
  if (notice.status === 403) return t("notice.forbidden", { action });
  return t("notice.problem", { action, detail: notice.detail });
}
