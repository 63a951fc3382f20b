// The three phones: what each shows, and what a person does with it.

import { ask, changed, now, shownSession, state } from "./state.js";
import { play, pressTone, ring } from "./sound.js";
import { attempt, duration, make, phoneNumber, say } from "./words.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const PAUSE_MS = 2500;
const AFTERGLOW_MS = 8000;
const REASONS = {
  "Normal Hangup": "Call ended", "Busy Line": "Busy", Rejected: "Declined",
  "No Answer": "No answer", "Ring Timeout Reached": "No answer", Cancelled: "Missed call",
  "Scheduled Hangup": "Time is up", "Invalid Destination Address": "Nobody to ring",
};

export const phones = [
  { role: "first", title: "First party", number: "+12025550100" },
  { role: "second", title: "Second party", number: "+12025550101" },
  { role: "stranger", title: "Stranger", number: "+12025550109" },
];

/** Put the phones on the page. */
export function buildPhones(place) {
  const template = document.getElementById("phone");
  for (const phone of phones) {
    const element = template.content.firstElementChild.cloneNode(true);
    element.dataset.role = phone.role;
    element.setAttribute("aria-label", `Phone of the ${phone.title.toLowerCase()}`);
    element.querySelector("h2").textContent = phone.title;
    const keypad = element.querySelector(".keypad");
    for (const key of KEYS) {
      keypad.append(make("button", {
        type: "button", "data-key": key, onclick: () => press(phone, key),
      }, key));
    }
    for (const button of element.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => attempt(() => DEEDS[button.dataset.do](phone)));
    }
    element.addEventListener("keydown", (event) => onKey(phone, event));
    phone.element = element;
    phone.typed = "";
    place.append(element);
  }
}

/** Tell the simulator that people answer these phones, not scripts. */
export async function claimPhones() {
  const plan = { answer: "manual", manual_caller: true };
  for (const phone of phones) await ask("PUT", `/_sim/phones/${phone.number}`, plan);
}

const DEEDS = {
  call: (phone) => {
    const session = shownSession();
    if (!session) throw new Error("Create a session first: it has the number to call.");
    return ask("POST", "/_sim/calls", { from: phone.number, to: session.virtual_number });
  },
  answer: (phone) => act(phone, "answer"),
  decline: (phone) => act(phone, "decline"),
  hangup: (phone) => act(phone, "hangup"),
};

function act(phone, action, digits = "") {
  const { call, leg } = lineOf(phone);
  if (!call) return null;
  const body = { action, leg: leg.leg, digits };
  return ask("POST", `/_sim/calls/${call.call_uuid}/actions`, body);
}

function press(phone, key) {
  pressTone(key);
  const { call, leg } = lineOf(phone);
  if (!call || !isAsked(call, leg)) return;
  clearTimeout(phone.timer);
  if (key === "#") {
    enter(phone);
    return;
  }
  phone.typed += key;
  attempt(() => act(phone, "key"));
  phone.timer = setTimeout(() => enter(phone), PAUSE_MS);
  changed();
}

function enter(phone) {
  const digits = phone.typed;
  clearTimeout(phone.timer);
  phone.typed = "";
  if (digits) attempt(() => act(phone, "digits", digits));
  changed();
}

function onKey(phone, event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (KEYS.includes(event.key)) {
    flash(phone, event.key);
    press(phone, event.key);
  } else if (event.key === "Enter" && event.target === phone.element) {
    const { shown } = lineOf(phone);
    if (phone.typed) enter(phone);
    else if (shown === "incoming") attempt(() => DEEDS.answer(phone));
    else if (shown === "idle") attempt(() => DEEDS.call(phone));
  } else if (event.key === "Escape") {
    const { shown } = lineOf(phone);
    if (shown === "incoming") attempt(() => DEEDS.decline(phone));
    else if (shown !== "idle") attempt(() => DEEDS.hangup(phone));
  } else {
    return;
  }
  event.preventDefault();
}

function flash(phone, key) {
  const button = phone.element.querySelector(`[data-key="${CSS.escape(key)}"]`);
  button.classList.add("pressed");
  setTimeout(() => button.classList.remove("pressed"), 150);
}

function isAsked(call, leg) {
  const alone = leg.leg === "caller" && call.legs.length === 1 && leg.answered_at;
  return alone && (call.waits_for === "digits" || Boolean(call.now_playing?.keys));
}

/** Return the call that a phone is in, its leg, and which of five ways it looks. */
export function lineOf(phone) {
  let last = null;
  for (const call of state.calls.values()) {
    for (const leg of call.legs) {
      if (leg.number !== phone.number) continue;
      if (!leg.ended_at) return { call, leg, shown: looks(call, leg) };
      if (!last || leg.ended_at > last.leg.ended_at) last = { call, leg };
    }
  }
  const fresh = last && now() - Date.parse(last.leg.ended_at) < AFTERGLOW_MS;
  return { call: null, leg: fresh ? last.leg : null, shown: "idle" };
}

function looks(call, leg) {
  const other = call.legs.find((one) => one.leg !== leg.leg);
  if (!leg.answered_at && (leg.leg === "callee" || call.direction === "outbound")) {
    return "incoming";
  }
  const isUp = leg.answered_at && other?.answered_at && !other.ended_at;
  return isUp ? "talking" : "calling";
}

/** Draw the phones as they are. */
export function drawPhones() {
  const session = shownSession();
  for (const phone of phones) drawPhone(phone, session);
}

function drawPhone(phone, session) {
  const { element } = phone;
  const { call, leg, shown } = lineOf(phone);
  const asked = Boolean(call && isAsked(call, leg));
  const hears = call?.now_playing?.leg === leg?.leg ? call?.now_playing?.url : null;
  // Who has begun to type has heard enough of this prompt.
  if (phone.typed) phone.enough = hears;
  else if (!hears || hears !== phone.enough) phone.enough = null;
  const silenced = phone.enough ? null : hears;
  if (!call) phone.typed = "";
  element.dataset.state = shown;
  element.dataset.asked = String(asked);
  element.dataset.sounding = String(Boolean(silenced) || shown === "talking");
  say(element.querySelector(".number"), phoneNumber(phone.number));
  const text = wording(phone, session, call, leg, shown, asked, hears);
  for (const name of ["state", "far", "caption"]) {
    say(element.querySelector(`.${name}`), text[name]);
  }
  const timer = element.querySelector(".timer");
  timer.hidden = shown !== "talking";
  if (shown === "talking") say(timer, duration(talked(call)));
  say(element.querySelector(".typed"), phone.typed);
  const shows = {
    call: shown === "idle", answer: shown === "incoming", decline: shown === "incoming",
    hangup: shown === "calling" || shown === "talking",
  };
  for (const [deed, visible] of Object.entries(shows)) {
    const button = element.querySelector(`[data-do="${deed}"]`);
    const hadFocus = document.activeElement === button;
    button.hidden = !visible;
    if (hadFocus && !visible) element.focus({ preventScroll: true });
  }
  element.querySelector('[data-do="call"]').disabled = !session;
  const bell = shown === "incoming" ? "bell" : null;
  ring(phone.role, bell ?? (isRingingThere(call, leg, shown) ? "back" : null));
  play(phone.role, silenced);
}

function wording(phone, session, call, leg, shown, asked, hears) {
  const far = phoneNumber(leg?.caller_id);
  if (shown === "incoming") return { state: "Incoming call", far, caption: "" };
  if (shown === "talking") return { state: "Connected", far, caption: "" };
  if (shown === "calling") {
    const tune = hears ? `♪ ${new URL(hears).pathname.split("/").pop()}` : "";
    if (asked) return { state: "Enter your PIN, then #", far, caption: tune };
    if (hears) return { state: "Listening", far, caption: tune };
    if (isRingingThere(call, leg, shown)) return { state: "Ringing", far, caption: "" };
    return { state: leg.answered_at ? "Please wait" : "Calling", far, caption: "" };
  }
  if (leg) {
    const reason = REASONS[leg.hangup_cause] || leg.hangup_cause || "Call ended";
    const spoke = leg.duration ? `after ${duration(leg.duration)}` : "";
    return { state: reason, far, caption: spoke };
  }
  const number = session ? phoneNumber(session.virtual_number) : "no number yet";
  return { state: "Ready to call", far: number, caption: "" };
}

function isRingingThere(call, leg, shown) {
  return shown === "calling" && Boolean(call.legs.find((one) => one !== leg && !one.ended_at));
}

function talked(call) {
  const callee = call.legs.find((leg) => leg.leg === "callee");
  return (now() - Date.parse(callee.answered_at)) / 1000;
}
