// Sound: a short tone that repeats while a critical alert waits, and a single one for every other new alert.
// Also tells screen readers. Browsers allow sound only after a gesture; until then the button says so.

import { byId, setAttr, setText, el } from "./dom.js";
import { lang, t, term } from "./i18n.js";
import { soundIcon } from "./icons.js";
import { readPref, writePref } from "./prefs.js";
import { mustSound } from "./select.js";
import { immediately, state, view } from "./store.js";
import { now } from "./time.js";

const REPEAT_MS = 2_500;
const NEWS_MS = 60_000; // an alert older than this on first sight is not news
const URGENT = [[880, 0], [1175, 0.16], [880, 0.32], [1175, 0.48]];
const SINGLE = [[660, 0], [784, 0.18]];
const MODES = ["on", "off", "blocked"];

let wanted = readPref("sound") !== false;
let context = null;
let lastUrgentAt = 0;
let drawn = ""; // mode and language on the button
const known = new Set();

export function mountSound() {
  byId("sound").addEventListener("click", toggle);
  for (const gesture of ["pointerdown", "keydown"]) document.addEventListener(gesture, unlock, { capture: true });
  immediately(["alerts"], onAlerts);
  view(["lang", "sound"], draw);
}

/** Called every second. */
export function soundTick() {
  if (mode() === "on" && mustSound(state) && Date.now() - lastUrgentAt >= REPEAT_MS) {
    lastUrgentAt = Date.now();
    play(URGENT, 0.5);
  }
  draw();
}

function mode() {
  if (!wanted) return "off";
  return context?.state === "running" ? "on" : "blocked";
}

function toggle() {
  wanted = mode() === "blocked" || !wanted;
  writePref("sound", wanted);
  draw();
  if (wanted) start().then(sample, () => {});
}

// The button's own click decides what it does: unlocked under the finger, it would mean "off".
function unlock({ target }) {
  if (!wanted || context?.state === "running" || byId("sound").contains(target)) return;
  start().catch(() => {});
}

async function start() {
  context ??= new AudioContext();
  await context.resume();
  draw();
}

function sample() {
  if (mode() === "on" && !mustSound(state)) play(SINGLE, 0.25);
}

function onAlerts() {
  const fresh = [...state.alerts.values()].filter((alert) => !known.has(alert.id));
  for (const alert of fresh) known.add(alert.id);
  const news = fresh.filter((a) => a.state === "raised" && now() - Date.parse(a.raised_at) < NEWS_MS);
  if (!news.length) return;
  announce(news);
  soundTick();
  if (mode() === "on" && !mustSound(state)) play(SINGLE, 0.3);
}

function announce(alerts) {
  const words = alerts.map((alert) =>
    t("queue.announce", {
      severity: term("severity", alert.severity),
      kind: term("kind", alert.kind),
      nurse: alert.nurse_name ?? t("queue.no_nurse"),
    }),
  );
  setText(byId("announce"), words.join("; "));
}

function play(notes, loudness) {
  for (const [hertz, delay] of notes) {
    const start = context.currentTime + delay;
    const tone = new OscillatorNode(context, { type: "triangle", frequency: hertz });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(loudness, start + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.001, start + 0.15);
    tone.connect(gain).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.16);
  }
}

// As wide as its longest label, whatever it says: nothing in the bar may move under a finger.
function draw() {
  const current = mode();
  if (drawn === `${current} ${lang()}`) return;
  drawn = `${current} ${lang()}`;
  const button = byId("sound");
  const labels = MODES.map((name) => el("span", { class: name === current ? "current" : null }, t(`sound.${name}`)));
  button.dataset.mode = current;
  button.replaceChildren(soundIcon(current), el("span", { class: "sound-labels" }, labels));
  setAttr(button, "aria-pressed", String(current === "on"));
  setAttr(button, "title", t(`sound.${current}_title`));
}
