// The page's language: two tables with identical keys, remembered per browser.

import { el, setText } from "./dom.js";
import { en } from "./i18n/en.js";
import { enDevices } from "./i18n/en_devices.js";
import { enTell } from "./i18n/en_tell.js";
import { enWhy } from "./i18n/en_why.js";
import { zh } from "./i18n/zh.js";
import { zhDevices } from "./i18n/zh_devices.js";
import { zhTell } from "./i18n/zh_tell.js";
import { zhWhy } from "./i18n/zh_why.js";
import { readPref, writePref } from "./prefs.js";
import { change } from "./store.js";

export const TABLES = {
  zh: { ...zh, ...zhDevices, ...zhWhy, ...zhTell },
  en: { ...en, ...enDevices, ...enWhy, ...enTell },
};
const NAMES = { zh: "中文", en: "English" };
const LOCALES = { zh: "zh-CN", en: "en-GB" };

let current = initial();

function initial() {
  const remembered = readPref("lang");
  if (remembered in TABLES) return remembered;
  return (navigator.language ?? "").toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function lang() {
  return current;
}

export function locale() {
  return LOCALES[current];
}

/** Translate: `{name}` in the table is replaced from `params`. */
export function t(key, params = {}) {
  const template = TABLES[current][key];
  if (template === undefined) throw new Error(`untranslated: ${key}`);
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

/** Translate a value the server chose (`kind.panic`); one we don't know yet is shown as it came. */
export function term(group, value) {
  return TABLES[current][`${group}.${value}`] ?? String(value).replaceAll("_", " ");
}

/** True when a table has the key: for words built from what the server sent. */
export function has(key) {
  return key in TABLES[current];
}

/** The names that a key's text wants filled in. */
export function parametersOf(key) {
  return [...TABLES[current][key].matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
}

export function setLang(next) {
  if (!(next in TABLES) || next === current) return;
  current = next;
  writePref("lang", next);
  applyLang();
  change(["lang"], () => {});
}

/** Write the current language into the page's fixed texts. */
export function applyLang() {
  document.documentElement.lang = locale();
  for (const node of document.querySelectorAll("[data-i18n]")) setText(node, t(node.dataset.i18n));
  for (const node of document.querySelectorAll("[data-i18n-label]")) {
    node.setAttribute("aria-label", t(node.dataset.i18nLabel));
  }
  for (const node of document.querySelectorAll("[data-i18n-title]")) node.title = t(node.dataset.i18nTitle);
  for (const button of document.querySelectorAll(".lang-switch button")) {
    button.setAttribute("aria-pressed", String(button.dataset.lang === current));
  }
}

/** Fill every `.lang-switch` with its two buttons. */
export function mountLangSwitches() {
  for (const group of document.querySelectorAll(".lang-switch")) {
    group.append(
      ...Object.keys(TABLES).map((code) =>
        el(
          "button",
          { type: "button", lang: LOCALES[code], data: { lang: code }, on: { click: () => setLang(code) } },
          NAMES[code],
        ),
      ),
    );
  }
}
