// Sound: a short tone that repeats while a critical alert waits, and a single one for every other new alert.
// Also tells screen readers. Browsers allow sound only after a gesture; until then the button says so.

import { byId, setAttr, setText, el } from "./dom.js";
import { t, term } from "./i18n.js";
import { soundIcon } from "./icons.js";
import { readPref, writePref } from "./prefs.js";
import { mustSound } from "./select.js";
import { immediately, state, view } from "./store.js";
import { now } from "./time.js";

const REPEAT_MS = 2_500;
const NEWS_MS = 60_000; // an alert older than this on first sight is not news
const URGENT = [[880, 0], [1175, 0.16], [880, 0.32], [1175, 0.48]];
const SINGLE = [[660, 0], [784, 0.18]];

let wanted = readPref("sound") !== false;
let context = null;
let lastUrgentAt = 0;
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
  // The first click on a blocked button has just unlocked sound: it means "on", not "off".
  wanted = byId("sound").dataset.mode === "blocked" ? true : !wanted;
  writePref("sound", wanted);
  if (mode() === "on" && !mustSound(state)) play(SINGLE, 0.25);
  draw();
}

function unlock() {
  if (!wanted || context?.state === "running") return;
  context ??= new AudioContext();
  context.resume().then(draw, () => {});
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

function draw() {
  const button = byId("sound");
  const current = mode();
  const text = t(`sound.${current}`);
  if (button.dataset.mode === current && button.textContent === text) return;
  button.dataset.mode = current;
  button.replaceChildren(soundIcon(current), el("span", {}, text));
  setAttr(button, "aria-pressed", String(current === "on"));
  setAttr(button, "title", t(`sound.${current}_title`));
}
