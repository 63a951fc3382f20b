// The live timelines: callbacks with their delivery, API requests, what the app received.

import { appUuid } from "./session.js";
import { shownSession, state } from "./state.js";
import { make, pill, timeOfDay } from "./words.js";

const KEPT = 200;
const UUIDS = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const READS = new Set(["get", "list"]);
const drawn = new Map();

function entry(list, key, channel) {
  const known = drawn.get(key);
  if (known?.isConnected) return known;
  const item = make("li", { "data-channel": channel }, make("details", {}, make("summary")));
  drawn.set(key, item);
  list.prepend(item);
  while (list.children.length > KEPT) list.lastElementChild.remove();
  return item;
}

function fill(item, version, summary, rows) {
  if (item.dataset.version === version) return;
  item.dataset.version = version;
  const details = item.firstElementChild;
  details.firstElementChild.replaceChildren(...summary);
  details.querySelector("table")?.remove();
  const body = rows
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => make("tr", {}, [
      make("th", { scope: "row" }, name), make("td", {}, String(value)),
    ]));
  details.append(make("table", {}, make("tbody", {}, body)));
}

function delivery(callback) {
  if (callback.state === "pending") return pill("warn", "on its way");
  if (callback.state === "dropped") return pill("stop", "dropped");
  const last = callback.attempts.at(-1);
  const tries = callback.attempts.length > 1 ? ` ×${callback.attempts.length}` : "";
  const answer = last?.status ?? last?.error ?? "no answer";
  return pill(callback.state === "delivered" ? "go" : "stop", `${answer}${tries}`);
}

function hint(attributes) {
  return [
    attributes.PinAuthenticationStatus,
    attributes.PlivoHangupCause,
    attributes.RecordingDuration ? `${attributes.RecordingDuration} s` : "",
  ].filter(Boolean).join(", ");
}

function drawCallback(list, callback) {
  const item = entry(list, callback.callback_id, callback.channel);
  item.dataset.state = callback.state;
  const summary = [
    make("time", {}, timeOfDay(callback.created_at)),
    make("span", { class: "name" }, callback.event),
    make("span", { class: "more" }, [hint(callback.attributes), callback.copy_of ? "copy" : ""].filter(Boolean).join(", ")),
    delivery(callback),
  ];
  if (callback.fault) summary.splice(3, 0, make("span", { class: "more" }, callback.fault));
  const tries = callback.attempts.map((attempt, n) => [
    `attempt ${n + 1}`, `${attempt.status ?? attempt.error} in ${attempt.seconds} s`,
  ]);
  const rows = [["to", `${callback.method} ${callback.url}`], ...tries,
    ...Object.entries(callback.attributes)];
  fill(item, `${callback.state} ${callback.attempts.length}`, summary, rows);
}

function drawRequest(list, request) {
  const item = entry(list, `request ${request.number}`, "request");
  const good = request.status !== null && request.status < 400;
  const summary = [
    make("time", {}, timeOfDay(request.at)),
    make("span", { class: "name" }, `${request.method} ${request.operation}`),
    make("span", { class: "more" }, [request.session_uuid ? "" : "of no session", request.fault]
      .filter(Boolean).join(", ")),
    pill(good ? "" : "stop", String(request.status ?? "cut off")),
  ];
  const committed = request.committed ? Object.entries(request.committed) : [];
  fill(item, "done", summary, [["path", request.path], ["query", request.query], ...committed]);
}

// Another view of the timeline begins with an empty list.
function renew(list, view) {
  if (list.dataset.view === view) return;
  list.dataset.view = view;
  list.replaceChildren();
}

// Callbacks to a number's application are of no session, but of a call to its number.
function isCallbackOf(session, callback) {
  if (!session) return true;
  if (callback.session_uuid) return callback.session_uuid === session.session_uuid;
  return state.calls.get(callback.call_uuid)?.to === session.virtual_number;
}

// A list, and a create that was refused, are of no session: they are shown with each.
function isRequestOf(session, request) {
  return !session || !request.session_uuid || request.session_uuid === session.session_uuid;
}

/** Draw the timeline of the session that is shown: callbacks and API requests. */
export function drawTimeline() {
  const list = document.getElementById("timeline");
  const session = shownSession();
  const [withCallbacks, withChanges, withReads] = ["callbacks", "changes", "reads"]
    .map((name) => document.getElementById(`with-${name}`).checked);
  renew(list, `${session?.session_uuid} ${withCallbacks} ${withChanges} ${withReads}`);
  const things = [];
  if (withCallbacks) {
    const mine = [...state.callbacks.values()].filter((one) => isCallbackOf(session, one));
    things.push(...mine.map((one) => [one.created_at, () => drawCallback(list, one)]));
  }
  const mine = state.requests.filter((one) => isRequestOf(session, one));
  const wanted = mine.filter((one) => (READS.has(one.operation) ? withReads : withChanges));
  things.push(...wanted.map((one) => [one.at, () => drawRequest(list, one)]));
  things.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [, draw] of things.slice(-KEPT)) draw();
  document.getElementById("timeline-empty").hidden = list.children.length > 0;
}

// What names another session is not of this one; what names none is shown with each.
function foreignUuids(session) {
  const others = [...state.sessions.values()].filter((one) => one !== session);
  return new Set(others.flatMap((one) => [one.session_uuid, appUuid(one)]).filter(Boolean));
}

function isReceivedOf(session, received, foreign) {
  const named = `${received.query} ${received.body}`.match(UUIDS) ?? [];
  if (!session || named.includes(session.session_uuid) || named.includes(appUuid(session))) {
    return true;
  }
  return !named.some((uuid) => foreign.has(uuid));
}

/** Draw what the app received about the session that is shown. */
export function drawInbox() {
  const list = document.getElementById("inbox");
  const session = shownSession();
  renew(list, `${session?.session_uuid} ${state.inbox.length === 0}`);
  const foreign = foreignUuids(session);
  const mine = state.inbox.filter((received) => isReceivedOf(session, received, foreign));
  for (const received of mine.slice(-KEPT)) {
    const item = entry(list, `inbox ${received.number} ${received.at}`, "inbox");
    const { name, rows } = reading(received);
    rows.unshift(["sent to", `${received.method} ${received.path}`]);
    const summary = [
      make("time", {}, timeOfDay(received.at)),
      make("span", { class: "name" }, name),
      make("span", { class: "more" }, received.headers["webhook-id"] ? "signed webhook" : ""),
    ];
    fill(item, "done", summary, rows);
  }
  document.getElementById("inbox-empty").hidden = list.children.length > 0;
}

function reading(received) {
  const kind = received.headers["content-type"] ?? "";
  const signatures = Object.entries(received.headers).filter(([name]) =>
    name.startsWith("webhook-") || name.startsWith("x-plivo-signature"));
  if (kind.includes("json")) {
    const body = JSON.parse(received.body || "{}");
    const rows = Object.entries(flat(body));
    return { name: body.type ?? body.EventName ?? "JSON", rows: [...rows, ...signatures] };
  }
  const text = received.method === "GET" ? received.query : received.body;
  const pairs = [...new URLSearchParams(text)];
  return { name: new URLSearchParams(text).get("EventName") ?? received.path, rows: [...pairs, ...signatures] };
}

function flat(value, prefix = "") {
  if (value === null || typeof value !== "object") return { [prefix]: value };
  return Object.assign({}, ...Object.entries(value).map(([name, inner]) =>
    flat(inner, prefix ? `${prefix}.${name}` : name)));
}
