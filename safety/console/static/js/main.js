// Start: language, views, session; and the one second hand everything that ages is driven by.

import { mountAddress } from "./address.js";
import { mountDetail } from "./detail.js";
import { fleetTick } from "./devices/model.js";
import { mountDevices } from "./devices/page.js";
import { feedTick, retryNow } from "./feed.js";
import { applyLang, mountLangSwitches } from "./i18n.js";
import { mountKeys } from "./keys.js";
import { mountMap } from "./map.js";
import { mountQueue } from "./queue.js";
import { startSession } from "./session.js";
import { mountSound, soundTick } from "./sound.js";
import { mountStatus, statusTick } from "./status.js";
import { change, state } from "./store.js";
import { tick } from "./time.js";
import { mountViews } from "./views.js";

mountLangSwitches();
applyLang();
mountStatus();
mountQueue();
mountDetail();
mountMap();
mountSound();
mountKeys();
mountDevices();
mountViews();
mountAddress();
change(["lang"], () => {}); // the first drawing of everything

setInterval(() => {
  if (!state.me) return;
  feedTick();
  soundTick();
  if (document.hidden) return;
  statusTick();
  fleetTick();
  tick();
}, 1000);

window.addEventListener("online", retryNow);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) retryNow();
});

await startSession();
