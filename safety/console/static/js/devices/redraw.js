// Drawing a panel anew without disturbing whoever uses it: not under a finger, keeping focus, place and what was filled in.

import { change } from "../store.js";

const HOLD_AT_MOST_MS = 2_000; // where a press ends outside the page, as in the list of a select

let heldAt = 0; // 0: nothing is pressed

/** Hold still while something in `root` is pressed: a click must find the button it began on. */
export function holdWhilePressed(root) {
  root.addEventListener("pointerdown", () => {
    heldAt = Date.now();
  });
  const release = () => {
    if (!heldAt) return;
    // The click comes after the finger is up.
    setTimeout(() => {
      heldAt = 0;
      change(["fleet"], () => {});
    }, 0);
  };
  window.addEventListener("pointerup", release);
  window.addEventListener("pointercancel", release);
}

/** True while nothing may be drawn; it will be, afterwards. */
export function isHeld() {
  return Date.now() - heldAt < HOLD_AT_MOST_MS;
}

/**
 * Give `root` new children. The control that had the focus, by its `data-key`, has it still, and a field that was
 * filled in keeps its value, by its `name`.
 */
export function redraw(root, ...children) {
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const filledIn = [...root.querySelectorAll("[name]")].map(({ name, value }) => [name, value]);
  const { scrollTop } = root;
  root.replaceChildren(...children);
  root.scrollTop = scrollTop;
  for (const [name, value] of filledIn) {
    const field = root.querySelector(`[name="${CSS.escape(name)}"]`);
    if (field) field.value = value;
  }
  if (focused !== undefined) root.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
