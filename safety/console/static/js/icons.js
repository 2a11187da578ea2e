// Icons as inline SVG: severity is told by shape as well as colour, the kind by a glyph inside it.

import { svg } from "./dom.js";

const SHAPES = {
  critical: "M8.2 1.5h7.6L22.5 8.2v7.6L15.8 22.5H8.2L1.5 15.8V8.2z",
  high: "M12 1.2c.7 0 1.2.3 1.6.9l9.1 17.2c.8 1.4-.2 3-1.7 3H3c-1.5 0-2.5-1.6-1.7-3L10.4 2.1c.4-.6.9-.9 1.6-.9z",
  warning: "M12 .8 23.2 12 12 23.2.8 12z",
  info: "M12 1.5a10.5 10.5 0 1 1 0 21 10.5 10.5 0 0 1 0-21z",
};

// 24-unit strokes, drawn at about half size in the middle of the shape.
const GLYPHS = {
  panic: "M12 4v10M12 19.5v.5",
  duress: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  fall: "M17 5.5v.1M4 20h16M7 16l4-5 4 2 3-4M11 11 9 6",
  no_motion: "M8.5 5v14M15.5 5v14",
  tamper: "M13.5 3 7 13h5l-1.5 8L17 11h-5z",
  fence_exit: "M11 5H5v14h6M10 12h10M16 8l4 4-4 4",
  fence_enter: "M13 5h6v14h-6M3 12h11M10 8l4 4-4 4",
  missed_check_in: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM12 8v4.5l3 2",
  overdue_visit: "M7 4h10M7 20h10M8 4c0 6 8 10 8 16M16 4c0 6-8 10-8 16",
  device_silent: "M6 19v-4M12 19v-8M18 19V7M4 4l16 16",
  battery_low: "M3 8h15v8H3zM21 11v2M6.5 11v2",
  device_fault: "M6 6l12 12M18 6 6 18",
};

const LINES = {
  quiet: "M16 3 27 7v8c0 7-4.6 11.5-11 14C9.6 26.5 5 22 5 15V7zM10.5 16l4 4 7-8",
  unknown: "M16 3 27 7v8c0 7-4.6 11.5-11 14C9.6 26.5 5 22 5 15V7zM12.5 12.5a3.5 3.5 0 1 1 4.8 3.2c-.8.4-1.3 1-1.3 2M16 22v.2",
  select: "M6 8h20M6 16h12M6 24h8M22 18v9M17.5 22.5h9",
};

/** The mark of an alert: shape by severity, glyph by kind. Decorative: the words stand beside it. */
export function alertIcon(severity, kind) {
  const shape = SHAPES[severity] ?? SHAPES.critical;
  return svg(
    "svg",
    { viewBox: "0 0 24 24", class: "alert-icon", "aria-hidden": "true", "data-shape": severity, focusable: "false" },
    svg("path", { d: shape, class: "shape" }),
    svg("path", {
      d: GLYPHS[kind] ?? GLYPHS.panic,
      class: "glyph",
      // The triangle's middle lies lower than the other shapes'.
      transform: severity === "high" ? "translate(6.4 8.6) scale(.47)" : "translate(5.5 5.5) scale(.54)",
    }),
  );
}

export function lineIcon(name) {
  return svg(
    "svg",
    { viewBox: "0 0 32 32", class: "line-icon", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: LINES[name] }),
  );
}

const SPEAKER = "M4 9v6h4l5 4V5L8 9z";
const WAVES = { on: "M16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11", off: "M17 9.5l5 5M22 9.5l-5 5", blocked: "M18.5 8v5M18.5 16v.2" };

export function soundIcon(mode) {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", class: "small-icon", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: SPEAKER, class: "filled" }),
    svg("path", { d: WAVES[mode] }),
  );
}
