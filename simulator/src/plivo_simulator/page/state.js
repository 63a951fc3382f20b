// Know what the simulator knows: fetch it all once, then follow its event stream.

export const state = {
  clock: { now: Date.now(), at: Date.now(), speed: 1 },
  app: null,
  sessions: new Map(),
  calls: new Map(),
  callbacks: new Map(),
  messages: new Map(),
  requests: [],
  inbox: [],
  faults: [],
  switches: {},
  allowed: {},
  // The session that is shown, one that will be as soon as it is known, and whether a
  // newer one takes its place.
  chosen: null,
  awaited: null,
  following: true,
};

const listeners = new Set();
let scheduled = false;

/** Call `listener` after every change, at most once a frame. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Have everything drawn again. */
export function changed() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    chooseSession();
    for (const listener of listeners) listener(state);
  });
}

/** Speak to the control API; throws an Error with its text. */
export async function ask(method, path, body, headers = {}) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const said = text && answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : {};
  if (!answer.ok) throw new RefusedError(said, `${answer.status} from ${path}`);
  return said;
}

/** A request was refused; `violations` lists the fields and the rules that they break. */
export class RefusedError extends Error {
  constructor(said, otherwise) {
    const violations = said.violations ?? [];
    const rules = violations.map(({ field, rule }) => `${field}: ${rule}`);
    const text = [said.error, said.detail || said.title, ...rules].filter(Boolean).join(" ");
    super(text || otherwise);
    this.violations = violations;
  }
}

/** Return the simulated time in milliseconds. */
export function now() {
  const { now: base, at, speed } = state.clock;
  return base + (Date.now() - at) * speed;
}

/** Return the session that is shown, or null. */
export function shownSession() {
  return state.sessions.get(state.chosen) ?? null;
}

/** Show a session from now on, as soon as it is known. */
export function show(uuid) {
  state.awaited = uuid;
  changed();
}

/** Return the known sessions, newest first. */
export function newestFirst() {
  return [...state.sessions.values()].reverse()
    .sort((a, b) => (a.created_time < b.created_time ? 1 : a.created_time > b.created_time ? -1 : 0));
}

// A session in which somebody is on the phone stays, however new another one is.
function chooseSession() {
  if (state.sessions.has(state.awaited)) {
    state.chosen = state.awaited;
    state.awaited = null;
  }
  const session = shownSession();
  if (session && (!state.following || isCallUp(session))) return;
  let newest = null;
  for (const one of state.sessions.values()) {
    if (!newest || one.created_time >= newest.created_time) newest = one;
  }
  state.chosen = newest?.session_uuid ?? null;
}

function isCallUp(session) {
  return session.calls.some((uuid) => state.calls.has(uuid) && !state.calls.get(uuid).ended_at);
}

async function fetchAll() {
  const [clock, app, sessions, calls, callbacks, messages, ledger, inbox, faults, switches] =
    await Promise.all([
      "clock", "app", "sessions", "calls", "callbacks", "messages", "ledger", "inbox", "faults",
      "switches",
    ].map((name) => ask("GET", `/_sim/${name}`)));
  state.clock = { now: Date.parse(clock.now), at: Date.now(), speed: clock.speed };
  state.app = app.url;
  state.sessions = byKey(sessions.sessions, "session_uuid");
  state.calls = byKey(calls.calls, "call_uuid");
  state.callbacks = byKey(callbacks.callbacks, "callback_id");
  state.messages = byKey(messages.messages, "message_uuid");
  state.requests = ledger.requests;
  state.inbox = inbox.requests;
  state.faults = faults.faults;
  state.switches = switches.switches;
  state.allowed = switches.allowed;
  changed();
}

function byKey(items, key) {
  return new Map(items.map((item) => [item[key], item]));
}

/** Follow the simulator; `onLink(word)` hears of the connection, `onStart` of a fresh one. */
export function follow(onLink, onStart) {
  const stream = new EventSource("/_sim/events");
  const begin = async () => {
    await fetchAll();
    await onStart();
    onLink("live");
  };
  const on = (kind, take) =>
    stream.addEventListener(kind, (event) => {
      take(JSON.parse(event.data));
      changed();
    });
  stream.addEventListener("hello", begin);
  stream.addEventListener("reset", begin);
  stream.addEventListener("error", () => onLink("lost"));
  on("session", (session) => state.sessions.set(session.session_uuid, session));
  on("call", (call) => {
    state.calls.set(call.call_uuid, call);
    if (call.ended_at) refreshFaults();
  });
  on("callback", (callback) => {
    state.callbacks.set(callback.callback_id, callback);
    if (callback.fault) refreshFaults();
    const message = state.messages.get(callback.message_uuid);
    if (message) keepCallback(message, callback);
  });
  on("message", (message) => state.messages.set(message.message_uuid, message));
  on("request", (entry) => {
    state.requests.push(entry);
    refreshFaults();
  });
  on("inbox", (received) => state.inbox.push(received));
  on("faults", (report) => { state.faults = report.faults; });
  on("switches", (chosen) => { state.switches = chosen.switches; });
  on("clock", (clock) => {
    state.clock = { now: Date.parse(clock.now), at: Date.now(), speed: clock.speed };
  });
}

function keepCallback(message, callback) {
  const others = message.callbacks.filter((one) => one.callback_id !== callback.callback_id);
  message.callbacks = [...others, callback];
}

let refreshing = null;

/** Fetch the counts of the faults soon, once for many reasons. */
export function refreshFaults() {
  refreshing ??= setTimeout(async () => {
    refreshing = null;
    state.faults = (await ask("GET", "/_sim/faults")).faults;
    changed();
  }, 300);
}
