// The list of sessions: whose they are, how old, and how they stand.

import { changed, newestFirst, now, show, shownSession, state } from "./state.js";
import { age, make, phoneNumber, pill, say } from "./words.js";

const MOST = 100;
const FEW = 6;
const TONES = { active: "go", "in-progress": "go", expired: "stop" };

const lines = new Map();

/** Return how a session stands: its status, or expired if its time is over. */
export function statusOf(session) {
  return Date.parse(session.expiry_time) > now() ? session.status : "expired";
}

/** Return a status as a colored word. */
export function statusPill(status) {
  return pill(TONES[status], status);
}

/** Wire the list and what is beside it. */
export function buildSessions() {
  const list = document.getElementById("sessions");
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const to = step && event.target.closest("li")[step];
    if (!to) return;
    event.preventDefault();
    to.firstElementChild.focus();
  });
  document.getElementById("find-session").addEventListener("input", changed);
  document.getElementById("following").addEventListener("change", (event) => {
    state.following = event.target.checked;
    changed();
  });
}

function choose(uuid) {
  // Who chooses one doesn't want it to be taken away by the next.
  state.following = uuid === newestFirst()[0].session_uuid;
  show(uuid);
}

function build(session) {
  const parts = {
    parties: make("span", { class: "parties" }),
    number: make("span"),
    age: make("span"),
    status: make("span"),
  };
  const uuid = session.session_uuid;
  const meta = make("span", { class: "meta" }, [parts.number, parts.age, parts.status]);
  const button = make("button", { type: "button", onclick: () => choose(uuid) }, [
    parts.parties, meta,
  ]);
  return { ...parts, button, item: make("li", {}, button) };
}

function name(session) {
  const second = session.second_party ? phoneNumber(session.second_party) : "anyone";
  const first = session.first_party ? phoneNumber(session.first_party) : "anyone";
  return `${first} and ${second}`;
}

function draw(session) {
  const uuid = session.session_uuid;
  if (!lines.has(uuid)) lines.set(uuid, build(session));
  const line = lines.get(uuid);
  const status = statusOf(session);
  say(line.parties, name(session));
  say(line.number, `via ${phoneNumber(session.virtual_number)}`);
  say(line.age, age((now() - Date.parse(session.created_time)) / 1000));
  if (line.status.textContent !== status) line.status.replaceChildren(statusPill(status));
  return line;
}

function isFound(session, sought) {
  const digits = sought.replace(/\D/g, "");
  const numbers = [session.first_party, session.second_party, session.virtual_number].join(" ");
  return session.session_uuid.includes(sought) || statusOf(session) === sought
    || (digits.length > 2 && numbers.includes(digits));
}

/** Draw the list. */
export function drawSessions() {
  const all = newestFirst();
  const shown = shownSession()?.session_uuid;
  document.getElementById("others").hidden = all.length < 2;
  document.getElementById("following").checked = state.following;
  say(document.getElementById("sessions-count"), `Sessions (${all.length})`);
  const field = document.getElementById("find-session");
  field.hidden = all.length <= FEW;
  const sought = field.hidden ? "" : field.value.trim().toLowerCase();
  const found = sought ? all.filter((session) => isFound(session, sought)) : all;
  const drawn = found.slice(0, MOST).map(draw);
  const list = document.getElementById("sessions");
  const same = drawn.length === list.children.length
    && drawn.every(({ item }, n) => list.children[n] === item);
  if (!same) {
    const focused = document.activeElement;
    list.replaceChildren(...drawn.map(({ item }) => item));
    if (list.contains(focused)) focused.focus({ preventScroll: true });
  }
  // One stop for the tab key: the arrows go through the list.
  const stop = found.slice(0, MOST).some((one) => one.session_uuid === shown)
    ? shown : found[0]?.session_uuid;
  for (const [uuid, { button }] of lines) {
    if (!state.sessions.has(uuid)) {
      lines.delete(uuid);
      continue;
    }
    button.setAttribute("aria-current", String(uuid === shown));
    button.tabIndex = uuid === stop ? 0 : -1;
  }
  const more = found.length - drawn.length;
  const rest = found.length === 0 ? "None is found." : `${more} older: find them by a number.`;
  const note = document.getElementById("sessions-more");
  say(note, rest);
  note.hidden = found.length > 0 && more === 0;
}
