// Preferences: what this browser remembers (language, sound, filter, map view). Never data about people.

const PREFIX = "vigil.";

// Storage may be blocked or full; a preference is never worth an error.
function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

export function readPref(name) {
  return attempt(() => JSON.parse(localStorage.getItem(PREFIX + name)));
}

export function writePref(name, value) {
  attempt(() => localStorage.setItem(PREFIX + name, JSON.stringify(value)));
}
