// Adding a device, and importing many from a table: checked first, taken whole or not at all.

import { post, Problem } from "../api.js";
import { byId, el } from "../dom.js";
import { t, term } from "../i18n.js";
import { state } from "../store.js";
import { nurseSelect } from "./card.js";
import { readBoard, selectDevice, takeDevice } from "./model.js";
import { showSecret } from "./secret.js";

const COLUMNS = ["id", "secret", "kind", "nurse", "codec", "external_id", "link"];

export function mountForms() {
  byId("device-add").addEventListener("click", openAdd);
  byId("device-import").addEventListener("click", openImport);
  const dialog = byId("device-form");
  dialog.addEventListener("close", () => dialog.replaceChildren());
}

function open(titleKey, ...content) {
  const dialog = byId("device-form");
  dialog.replaceChildren(el("h2", { id: "device-form-title" }, t(titleKey)), ...content);
  dialog.showModal();
  return dialog;
}

const cancelButton = () =>
  el("button", { type: "button", class: "button quiet", on: { click: () => byId("device-form").close() } }, t("devices.cancel"));

const field = (key, control, hintKey) => el("label", {}, t(key), control, hintKey ? el("small", { class: "faint" }, t(hintKey)) : "");

// --- one

function openAdd() {
  const kinds = ["phone", "recorder", "button"].map((kind) => el("option", { value: kind }, term("device", kind)));
  const codecs = (state.config.codecs ?? ["native"]).map((codec) => el("option", { value: codec }, codec));
  open(
    "devices.add_title",
    el(
      "form",
      { class: "device-form", on: { submit: add } },
      field("devices.kind", el("select", { name: "kind", data: { testid: "device-new-kind" } }, kinds)),
      field("devices.nurse", nurseSelect(null)),
      field("devices.codec", el("select", { name: "codec", data: { testid: "device-new-codec" } }, codecs)),
      field("devices.external_id", el("input", { name: "external_id", maxlength: 64, autocomplete: "off", spellcheck: "false" }), "devices.external_hint"),
      el("p", { class: "notice problem", role: "alert", hidden: true }),
      el("div", { class: "device-buttons" }, el("button", { type: "submit", class: "button primary", data: { testid: "device-new-submit" } }, t("devices.add_submit")), cancelButton()),
    ),
  );
}

async function add(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const given = Object.fromEntries(new FormData(form));
  await sending(form, async () => {
    const made = await post("/devices", { ...given, external_id: given.external_id.trim() || null });
    takeDevice(made);
    byId("device-form").close();
    showSecret(made);
    selectDevice(made.id);
    readBoard();
  });
}

async function sending(form, action) {
  const submit = form.querySelector("[type=submit]");
  const problem = form.querySelector(".problem");
  if (submit.disabled) return;
  submit.disabled = true;
  problem.hidden = true;
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    problem.hidden = false;
    problem.textContent = t("devices.failed", { detail: error.message });
  } finally {
    submit.disabled = false;
  }
}

// --- many

function openImport() {
  const file = el("input", { type: "file", accept: ".csv,text/csv", required: true, data: { testid: "device-import-file" } });
  const outcome = el("div", { class: "import-outcome", "aria-live": "polite", data: { testid: "device-import-outcome" } });
  const form = el(
    "form",
    { class: "device-form", on: { submit: (event) => check(event, file, outcome) } },
    el("p", {}, t("devices.import_more")),
    field("devices.import_file", file),
    outcome,
    el("p", { class: "notice problem", role: "alert", hidden: true }),
    el("div", { class: "device-buttons" }, el("button", { type: "submit", class: "button primary", data: { testid: "device-import-check" } }, t("devices.import_check")), cancelButton()),
  );
  file.addEventListener("change", () => outcome.replaceChildren());
  open("devices.import_title", form);
}

async function check(event, file, outcome) {
  event.preventDefault();
  const form = event.currentTarget;
  outcome.replaceChildren();
  await sending(form, async () => {
    const csv = decoded(await file.files[0].arrayBuffer());
    const { rows, faults } = await post("/devices/import", { csv, dry_run: true });
    if (faults.length) {
      outcome.replaceChildren(el("p", { class: "notice problem" }, t("devices.import_faults", { n: faults.length })), faultList(faults));
      return;
    }
    const go = el("button", { type: "button", class: "button primary", data: { testid: "device-import-do" } }, t("devices.import_do", { n: rows }));
    go.addEventListener("click", () => sending(form, () => take(csv)));
    outcome.replaceChildren(el("p", { class: "notice" }, t("devices.import_good", { n: rows })), go);
  });
}

// As spreadsheets write it: UTF-8, or GB 18030 in China.
function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("gb18030").decode(bytes);
  }
}

const faultList = (faults) =>
  el(
    "ul",
    { class: "import-faults" },
    faults.map(({ line, column, problem }) =>
      el("li", {}, el("strong", {}, column ? t("devices.import_cell", { line, column }) : t("devices.import_line", { line })), " ", problem),
    ),
  );

async function take(csv) {
  const { items } = await post("/devices/import", { csv });
  items.forEach(takeDevice);
  const url = URL.createObjectURL(new Blob([table(items)], { type: "text/csv" }));
  const save = el("a", { class: "button primary", href: url, download: "vigil-devices.csv", data: { testid: "device-import-save" } }, t("devices.import_save"));
  const dialog = open("devices.import_title", el("p", { class: "notice" }, t("devices.import_done", { n: items.length })));
  const done = el("button", { type: "button", class: "button quiet", on: { click: () => dialog.close() } }, t("devices.close"));
  done.disabled = true;
  done.title = t("devices.import_unsaved");
  const stay = (event) => event.preventDefault(); // Escape must not lose the secrets
  dialog.addEventListener("cancel", stay);
  save.addEventListener("click", () => {
    done.disabled = false;
    dialog.removeEventListener("cancel", stay);
  });
  dialog.addEventListener("close", () => {
    dialog.removeEventListener("cancel", stay);
    URL.revokeObjectURL(url);
  }, { once: true });
  dialog.append(el("div", { class: "device-buttons" }, save, done));
  readBoard();
}

const table = (items) =>
  [COLUMNS, ...items.map((item) => COLUMNS.map((name) => item[name] ?? ""))].map((row) => row.map(cell).join(",")).join("\r\n");

const cell = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
