// The picture of who is connected through the virtual number.

import { lineOf, phones } from "./lines.js";
import { shownSession } from "./state.js";
import { phoneNumber, say } from "./words.js";

const WIRES = { incoming: "ringing", calling: "waiting", talking: "up", idle: "" };

/** Draw the picture. */
export function drawExchange() {
  const session = shownSession();
  const number = session ? phoneNumber(session.virtual_number) : "no session yet";
  say(document.querySelector('[data-show="virtual"]'), number);
  const [left, right] = ends();
  drawEnd("first", left, session);
  drawEnd("second", right, session);
}

// A stranger stands where the party is not in the call.
function ends() {
  const [first, second, stranger] = phones;
  if (looks(stranger) === "idle") return [first, second];
  return looks(first) === "idle" ? [stranger, second] : [first, stranger];
}

// A phone may be in a call of another session than the one in the picture.
function looks(phone) {
  const { here, shown } = lineOf(phone);
  return here ? shown : "idle";
}

function drawEnd(end, phone, session) {
  const node = document.querySelector(`[data-end="${end}"]`);
  const registered = phone.role === end && session ? session[`${end}_party`] : phone.number;
  node.dataset.role = phone.role;
  say(node.querySelector(".who"), phone.title);
  say(node.querySelector("strong"), registered ? phoneNumber(registered) : "anyone");
  document.querySelector(`[data-wire="${end}"]`).dataset.state = WIRES[looks(phone)];
}
