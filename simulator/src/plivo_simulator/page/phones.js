// The three phones: what each shows, and what a person does with it.

import {
  act, bindPhones, dial, hearing, isAsked, isRingingThere, lineOf, phones,
} from "./lines.js";
import { play, pressTone, ring } from "./sound.js";
import { changed, now, shownSession } from "./state.js";
import { attempt, dialed, duration, make, phoneNumber, say } from "./words.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const PAUSE_MS = 2500;
const REASONS = {
  "Normal Hangup": "Call ended", "Busy Line": "Busy", Rejected: "Declined",
  "No Answer": "No answer", "Ring Timeout Reached": "No answer", Cancelled: "Missed call",
  "End Of XML Instructions": "Call ended", "Scheduled Hangup": "Time is up",
  "Invalid Destination Address": "Nobody to ring",
};
// What a leg hears, where it is neither ringing nor talk.
const HEARD = {
  speech: "Listening", whisper: "A whisper", audio: "Listening", music: "On hold",
  beep: "Beep", tones: "Tones", silence: "Please wait",
};

/** Put the phones on the page. */
export function buildPhones(place) {
  const template = document.getElementById("phone");
  for (const phone of phones) {
    const element = template.content.firstElementChild.cloneNode(true);
    element.dataset.role = phone.role;
    element.setAttribute("aria-label", `Phone of the ${phone.title.toLowerCase()}`);
    element.querySelector("h2").textContent = phone.title;
    wireNumber(phone, element.querySelector(".number"), element.querySelector(".flaw"));
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
    place.append(make("div", { class: "stand" }, element));
  }
}

// A phone takes any number by hand; an empty field gives it its usual one back.
function wireNumber(phone, input, flaw) {
  input.setAttribute("aria-label", `Number of the ${phone.title.toLowerCase()}'s phone`);
  flaw.id = `flaw-${phone.role}`;
  input.setAttribute("aria-describedby", flaw.id);
  phone.close = (text) => {
    input.setAttribute("aria-invalid", String(Boolean(text)));
    flaw.hidden = !text;
    say(flaw, text);
  };
  input.addEventListener("focus", () => input.select());
  input.addEventListener("change", () => {
    const number = dialed(input.value);
    if (input.value.trim() && !number) {
      phone.close("Write it in E.164, such as +1 202 555 0123.");
      return;
    }
    const other = phones.find((one) => one !== phone && one.number === number);
    if (other) {
      phone.close(`This is the number of the phone "${other.title}".`);
      return;
    }
    phone.close("");
    phone.own = number;
    changed();
  });
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") input.blur();
    if (event.key !== "Escape") return;
    input.value = phoneNumber(phone.number);
    phone.close("");
    phone.element.focus();
  });
}

const DEEDS = {
  call: (phone) => dial(phone),
  answer: (phone) => actOn(phone, "answer"),
  decline: (phone) => actOn(phone, "decline"),
  hangup: (phone) => actOn(phone, "hangup"),
};

function actOn(phone, action, digits = "") {
  const line = lineOf(phone);
  return line.call ? act(line, action, digits) : null;
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
  attempt(() => actOn(phone, "key"));
  phone.timer = setTimeout(() => enter(phone), PAUSE_MS);
  changed();
}

function enter(phone) {
  const digits = phone.typed;
  clearTimeout(phone.timer);
  phone.typed = "";
  if (digits) attempt(() => actOn(phone, "digits", digits));
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

/** Draw the phones as they are. */
export function drawPhones() {
  bindPhones();
  const session = shownSession();
  for (const phone of phones) drawPhone(phone, session);
}

function drawPhone(phone, session) {
  const { element } = phone;
  const { call, leg, here, shown } = lineOf(phone);
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
  drawNumber(phone, shown);
  const text = wording(session, call, leg, shown, asked, hears);
  if (!here && !text.caption) text.caption = "in another session";
  for (const name of ["state", "far", "caption"]) {
    say(element.querySelector(`.${name}`), text[name]);
  }
  const timer = element.querySelector(".timer");
  timer.hidden = shown !== "talking";
  if (shown === "talking") say(timer, duration(talked(call, leg)));
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

function drawNumber(phone, shown) {
  const input = phone.element.querySelector(".number");
  input.dataset.own = String(Boolean(phone.own));
  input.readOnly = shown !== "idle";
  const moved = phone.drawn !== phone.number;
  if (!moved && input.getAttribute("aria-invalid") === "true") return;
  if (document.activeElement === input && !input.readOnly) return;
  phone.drawn = phone.number;
  if (moved) phone.close("");
  const number = phoneNumber(phone.number);
  if (input.value !== number) input.value = number;
}

function wording(session, call, leg, shown, asked, hears) {
  const far = phoneNumber(leg?.caller_id);
  if (shown === "incoming") return { state: "Incoming call", far, caption: "" };
  if (shown === "talking") return { state: "Connected", far, caption: "" };
  if (shown === "calling") {
    const tune = hears ? `♪ ${new URL(hears).pathname.split("/").pop()}` : "";
    const heard = hearing(leg);
    if (heard && heard.what in HEARD && !hears) {
      const state = leg.asked ? "Press keys" : HEARD[heard.what];
      return { state, far, caption: heard.what === "silence" ? "" : heard.detail ?? "" };
    }
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

function talked(call, leg) {
  const heard = hearing(leg);
  if (heard) return (now() - Date.parse(heard.at)) / 1000;
  const callee = call.legs.find((leg) => leg.leg === "callee");
  return (now() - Date.parse(callee.answered_at)) / 1000;
}
