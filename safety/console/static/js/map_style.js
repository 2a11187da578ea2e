// Colours and fonts of the canvas, read from the style sheet's tokens, so that light and dark are decided in one place.

const NAMES = {
  grid: "--map-grid",
  gridText: "--map-grid-text",
  fence: "--map-fence",
  keepOut: "--map-keep-out",
  keepOutFill: "--map-keep-out-fill",
  visit: "--map-visit",
  visitFill: "--map-visit-fill",
  visitChosen: "--map-visit-chosen",
  fresh: "--map-fresh",
  ageing: "--map-ageing",
  old: "--map-old",
  water: "--map-water",
  green: "--map-green",
  street: "--map-street",
  avenue: "--map-avenue",
  streetName: "--map-street-name",
  responder: "--map-responder",
  halo: "--map-halo",
  accuracy: "--map-accuracy",
  chosen: "--map-chosen",
  name: "--map-name",
  alarm: "--map-alarm",
  alarmFill: "--map-alarm-fill",
};

let cached = null;

export function mapStyle() {
  if (!cached) {
    const computed = getComputedStyle(document.documentElement);
    const family = computed.getPropertyValue("--font");
    cached = Object.fromEntries(Object.entries(NAMES).map(([key, name]) => [key, computed.getPropertyValue(name).trim()]));
    cached.font = `12px ${family}`;
    cached.smallFont = `10px ${family}`;
  }
  return cached;
}

/** Run `redraw` when the system changes between light and dark. */
export function onThemeChange(redraw) {
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => {
    cached = null;
    redraw();
  });
}
