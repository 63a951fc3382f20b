// Nothing rings unseen: a bar at the foot shows what rings out of sight.

import { act, lineOf, phones, ringingLegs } from "./lines.js";
import { now, show, shownSession } from "./state.js";
import { attempt, make, phoneNumber, say } from "./words.js";

const SEEN = 0.6;
const SCRIPT_MS = 1500;
const NAME = document.title;

const seen = new Map();
let bar = null;
let current = null;

/** Put the bar on the page; the phones are there already. */
export function buildRinging(place) {
  const button = (text, kind, work) => make("button", {
    type: "button", class: kind, onclick: () => attempt(work),
  }, text);
  bar = {
    place,
    text: make("p", { role: "status", "aria-live": "assertive" }),
    buttons: make("div", { class: "row" }, [
      button("Answer", "go", () => act(current, "answer")),
      button("Decline", "stop", () => act(current, "decline")),
      button("Show", "", reveal),
    ]),
  };
  place.append(bar.text, bar.buttons);
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) seen.set(entry.target, entry.intersectionRatio >= SEEN);
    drawRinging();
  }, { threshold: [0, SEEN, 1] });
  for (const { element } of phones) {
    for (const part of [".screen", ".actions"]) watcher.observe(element.querySelector(part));
  }
}

function phoneOf({ leg }) {
  return phones.find((phone) => phone.number === leg.number) ?? null;
}

function isSeen(phone) {
  return [".screen", ".actions"].every((part) => seen.get(phone.element.querySelector(part)));
}

// The call may be of another session, whose parties have these phones then.
function reveal() {
  const line = current;
  if (!phoneOf(line) && line.call.session_uuid) show(line.call.session_uuid);
  setTimeout(() => {
    const phone = phoneOf(line);
    if (!phone) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    phone.element.scrollIntoView({
      behavior: calm ? "auto" : "smooth", block: "center", inline: "center",
    });
    phone.element.focus({ preventScroll: true });
  }, 60);
}

/** Draw the bar. */
export function drawRinging() {
  const ringing = ringingLegs().filter(isByHand);
  const hidden = ringing.filter((line) => {
    const phone = phoneOf(line);
    return !phone || lineOf(phone).call !== line.call || !isSeen(phone);
  });
  current = hidden[0] ?? null;
  if (!current && bar.place.contains(document.activeElement)) {
    document.getElementById("phones").focus({ preventScroll: true });
  }
  bar.place.hidden = !current;
  say(bar.text, current ? wording(current, hidden.length) : "");
  const title = ringing.length ? `Ringing: ${NAME}` : NAME;
  if (document.title !== title) document.title = title;
}

// A script answers soon; what rings for longer waits for a person, whoever's phone it is.
function isByHand({ leg }) {
  return Boolean(phoneOf({ leg })) || now() - Date.parse(leg.started_at) > SCRIPT_MS;
}

function wording({ call, leg }, count) {
  const phone = phoneOf({ leg });
  const who = phone ? `${phone.title}, ${phoneNumber(leg.number)},` : phoneNumber(leg.number);
  const elsewhere = call.session_uuid && call.session_uuid !== shownSession()?.session_uuid
    ? " in another session" : "";
  const others = count > 1 ? ` (and ${count - 1} more)` : "";
  return `${who} is ringing${elsewhere}${others}`;
}
