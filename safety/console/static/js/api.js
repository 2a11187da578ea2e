// Talking to /api/v1: one request function, one error class, lists read to their end.

const BASE = "/api/v1";
const TIMEOUT_MS = 10_000;
const PAGE = 500;
const MAX_PAGES = 40;

let onUnauthorised = () => {};

/** Called once for every answer that says the session is gone. */
export function whenUnauthorised(handler) {
  onUnauthorised = handler;
}

/** An answer that is not a success. `status` 0: no answer at all. `body`: the problem document, or {}. */
export class Problem extends Error {
  constructor(status, body, cause) {
    super(body.detail ?? body.title ?? `HTTP ${status}`, { cause });
    this.status = status;
    this.body = body;
  }
}

export async function request(method, path, body) {
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new Problem(0, {}, error);
  }
  const answer = await readBody(response);
  if (response.ok) return answer;
  if (response.status === 401 && path !== "/session") onUnauthorised();
  const retryAfter = Number(response.headers.get("Retry-After"));
  throw new Problem(response.status, { ...answer, ...(retryAfter ? { retry_after_s: retryAfter } : {}) });
}

async function readBody(response) {
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return {};
  }
}

export const get = (path) => request("GET", path);
export const post = (path, body) => request("POST", path, body);

/** Read a list to its end, following cursors. */
export async function listAll(path) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const query = new URLSearchParams({ limit: PAGE, ...(cursor ? { cursor } : {}) });
    const answer = await get(`${path}${path.includes("?") ? "&" : "?"}${query}`);
    items.push(...(answer.items ?? []));
    cursor = answer.next;
    if (!cursor) break;
  }
  return items;
}

/** The newest page of a list. */
export async function listNewest(path, limit) {
  const answer = await get(`${path}?limit=${limit}`);
  return answer.items ?? [];
}
