// The live connection: one WebSocket, watched by heartbeat, reconnected with backoff and jitter from the last cursor.

const WATCHDOG_MS = 8_000; // the server promises a heartbeat at least every 5 s
const CONNECT_TIMEOUT_MS = 8_000;
const FIRST_DELAY_MS = 400;
const MAX_DELAY_MS = 4_000;

/**
 * Keep a feed open until `stop`.
 *
 * `onFrame(frame)` gets parsed frames in order; `onUp()` runs at the first frame of a connection, `onDown({attempt,
 * delayMs})` whenever there is none. Frames of an abandoned socket are never delivered.
 */
export function createLive({ onFrame, onUp, onDown }) {
  let socket = null;
  let cursor = null;
  let attempt = 0;
  let lastSeen = 0;
  let up = false;
  let timer = null;
  let stopped = true;

  function connect() {
    clearTimeout(timer);
    abandon();
    const url = new URL("/api/v1/live", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (cursor) url.searchParams.set("after", cursor);
    const mine = new WebSocket(url);
    socket = mine;
    lastSeen = Date.now();
    mine.onmessage = (event) => {
      if (socket === mine) receive(event.data);
    };
    mine.onclose = () => {
      if (socket === mine) lost();
    };
  }

  function receive(data) {
    lastSeen = Date.now();
    const frame = JSON.parse(data);
    if (!up) {
      up = true;
      attempt = 0;
      onUp(frame);
    }
    onFrame(frame);
    // Only after the frame is in the state: a frame that failed is asked for again.
    if (frame.cursor) cursor = frame.cursor;
  }

  function lost() {
    abandon();
    if (stopped) return;
    up = false;
    attempt += 1;
    const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
    const delayMs = ceiling * (0.5 + Math.random() / 2);
    onDown({ attempt, delayMs });
    timer = setTimeout(connect, delayMs);
  }

  function abandon() {
    const old = socket;
    socket = null;
    if (old) {
      old.onmessage = null;
      old.onclose = null;
      old.close();
    }
  }

  /** Called every second: a silent connection is a dead one. */
  function watch() {
    if (stopped || !socket) return;
    if (Date.now() - lastSeen > (up ? WATCHDOG_MS : CONNECT_TIMEOUT_MS)) lost();
  }

  function retryNow() {
    if (!stopped && !up) connect();
  }

  return {
    watch,
    retryNow,
    lastSeen: () => lastSeen,
    start() {
      if (!stopped) return;
      stopped = false;
      attempt = 0;
      connect();
    },
    stop({ forget = false } = {}) {
      stopped = true;
      up = false;
      if (forget) cursor = null;
      clearTimeout(timer);
      abandon();
    },
  };
}
