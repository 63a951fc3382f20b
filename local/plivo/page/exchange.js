// The picture of who is connected through the virtual number.

import { lineOf, phones } from "./phones.js";
import { shownSession } from "./state.js";
import { phoneNumber, say } from "./words.js";

const WIRE = { incoming: "ringing", calling: "waiting", talking: "up", idle: "" };

/** Draw the picture. */
export function drawExchange() {
  const session = shownSession();
  const place = document.getElementById("exchange");
  const [first, second, stranger] = phones;
  const known = (name, phone) =>
    session ? (session[name] ? phoneNumber(session[name]) : "anyone") : phoneNumber(phone.number);
  say(place.querySelector('[data-show="first"]'), known("first_party", first));
  say(place.querySelector('[data-show="second"]'), known("second_party", second));
  const number = session ? phoneNumber(session.virtual_number) : "no session yet";
  say(place.querySelector('[data-show="virtual"]'), number);
  const states = [first, second, stranger].map((phone) => lineOf(phone).shown);
  const [one, other] = besides(states);
  place.querySelector('[data-wire="first"]').dataset.state = WIRE[one];
  place.querySelector('[data-wire="second"]').dataset.state = WIRE[other];
}

// A stranger stands in for the party whose phone is not in the call.
function besides([first, second, stranger]) {
  if (stranger === "idle") return [first, second];
  return first === "idle" && second !== "idle" ? [stranger, second] : [first === "idle" ? stranger : first, second];
}
