// A new secret, shown once: the QR code and the link that set the app up. Nothing of it stays when it is closed.

import { byId, el } from "../dom.js";
import { has, t } from "../i18n.js";
import { deviceName } from "./words.js";

export function mountSecret() {
  const dialog = byId("device-secret");
  dialog.addEventListener("close", () => dialog.replaceChildren());
}

/** Show what the server has just made for a device. */
export function showSecret(device) {
  const dialog = byId("device-secret");
  dialog.replaceChildren(
    el("h2", { id: "device-secret-title" }, t("devices.secret_title")),
    el("p", { class: "faint" }, deviceName(device)),
    el("p", { class: "notice" }, t("devices.secret_once")),
    device.qr_svg ? code(device) : el("p", {}, t("devices.scan_none")),
    el("dl", { class: "device-facts" }, copied("devices.id", device.id), copied("devices.secret", device.secret, "device-new-secret"), device.link ? copied("devices.link", device.link, "device-link") : ""),
    device.link ? el("a", { class: "button open-link", href: device.link }, t("devices.open_link")) : "",
    settings(device.settings),
    el("form", { method: "dialog" }, el("button", { class: "button primary", data: { testid: "device-secret-close" } }, t("devices.close"))),
  );
  dialog.showModal();
}

// As a picture: markup from anywhere never becomes part of the page.
function code(device) {
  const key = `devices.scan.${device.app}`;
  return el(
    "figure",
    { class: "device-qr" },
    el("img", {
      alt: t("devices.qr_alt"),
      width: 360,
      height: 360,
      src: `data:image/svg+xml,${encodeURIComponent(device.qr_svg)}`,
      data: { testid: "device-qr" },
    }),
    el("figcaption", {}, has(key) ? t(key) : ""),
  );
}

function copied(key, value, testid) {
  const button = el("button", { type: "button", class: "link" }, t("devices.copy"));
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(value);
    button.textContent = t("devices.copied");
  });
  return [
    el("dt", {}, t(key)),
    el("dd", { class: "copied" }, el("code", { data: { testid } }, value), navigator.clipboard ? button : ""),
  ];
}

function settings(values) {
  const names = Object.entries(values ?? {});
  if (!names.length) return "";
  return el(
    "details",
    {},
    el("summary", {}, t("devices.settings")),
    el("dl", { class: "device-facts" }, names.flatMap(([name, value]) => [el("dt", {}, el("code", {}, name)), el("dd", {}, el("code", {}, String(value)))])),
  );
}
