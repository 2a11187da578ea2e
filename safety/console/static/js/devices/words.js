// How a device is, in words.

import { metresText } from "../geo.js";
import { has, t, term } from "../i18n.js";
import { isSilentAgain } from "../presence.js";
import { state } from "../store.js";
import { clockText, durationText, now, spanText } from "../time.js";
import { nurseName } from "./model.js";

export const ageText = (time) => durationText(now() - Date.parse(time));

export const pctText = (pct) => t("unit.pct", { n: Math.round(pct) });

/** "Li Na · Phone": what people call a device. */
export function deviceName(device) {
  return [nurseName(device.nurse) ?? t("devices.nobody"), term("device", device.kind)].join(" · ");
}

export function batteryText(device) {
  if (device.battery_pct == null) return t("devices.unknown");
  const pct = pctText(device.battery_pct);
  if (device.battery_charging) return t("devices.battery_charging", { pct });
  if (device.battery_trend_pct_h == null) return pct;
  const rate = t("unit.pct", { n: Math.round(device.battery_trend_pct_h * 10) / 10 }).replace("-", "−");
  const left = device.battery_empty_at ? Date.parse(device.battery_empty_at) - now() : 0;
  if (left <= 0) return t("devices.battery_slow", { pct, rate });
  return t("devices.battery_falling", { pct, rate, left: durationText(left) });
}

export function clockWords(device) {
  const skew = device.clock_skew_s;
  if (skew == null) return t("devices.clock_right");
  return t(skew > 0 ? "devices.clock_ahead" : "devices.clock_behind", { skew: spanText(Math.abs(skew) * 1000) });
}

export function gpsText(device) {
  if (!device.last_fix_at) return t("devices.gps_none");
  const m = device.fix_accuracy_m == null ? t("devices.unknown") : metresText(device.fix_accuracy_m);
  return t("devices.gps_fix", { age: ageText(device.last_fix_at), m });
}

export function heardText(device) {
  return device.last_heard_at ? t("devices.ago", { age: ageText(device.last_heard_at) }) : t("devices.never");
}

export function testedText(device) {
  return device.last_tested_at ? t("devices.ago", { age: ageText(device.last_tested_at) }) : t("devices.never");
}

/** A reason of the board in words; one we have no words for is shown by its name. */
export function worryText({ reason, detail }, device) {
  if (reason === "silent" && isHeardAgain(detail, device)) {
    const again = isSilentAgain(state.alerts.get(detail.alert), device);
    return t(again ? "worry.silent_again" : "worry.heard_again", { since: ageText(device.last_heard_at) });
  }
  const since = detail.since_at ? ageText(detail.since_at) : null;
  const key = since ? `worry.${reason}` : `worry.${reason}_never`;
  if (has(key)) return t(key, since ? { since } : {});
  return has(`worry.${reason}`) ? t(`worry.${reason}`) : reason.replaceAll("_", " ");
}

// An alert of silence stays open until somebody closes it, whether or not the device has come back.
const isHeardAgain = (detail, device) =>
  Boolean(detail.alert) && Date.parse(device.last_heard_at) > Date.parse(detail.since_at);

export function spanOf(binding) {
  const from = clockText(binding.from, { seconds: false });
  if (!binding.to) return t("devices.history_now", { from });
  return t("devices.history_span", { from, to: clockText(binding.to, { seconds: false }) });
}
