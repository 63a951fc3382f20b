// The lines: which number each phone has, and which call it is in.

import { ask, now, shownSession, state } from "./state.js";
import { attempt } from "./words.js";

const AFTERGLOW_MS = 8000;
const OTHERS = ["+12025550109", "+12025550101", "+12025550100", "+12025550108", "+12025550107"];
const BY_HAND = { answer: "manual", manual_caller: true };

export const phones = [
  { role: "first", title: "First party", number: "+12025550100", own: null },
  { role: "second", title: "Second party", number: "+12025550101", own: null },
  { role: "stranger", title: "Stranger", number: "+12025550109", own: null },
];

const claimed = new Map();
let bound = null;

/** Give each phone its number: one given by hand, or that of the session's party. */
export function bindPhones() {
  const session = shownSession();
  if (bound !== (session?.session_uuid ?? null)) {
    bound = session?.session_uuid ?? null;
    for (const phone of phones.slice(0, 2)) phone.own = null;
  }
  const taken = new Set();
  const give = (phone, number) => {
    phone.number = number;
    taken.add(number);
  };
  for (const phone of phones) if (phone.own) give(phone, phone.own);
  for (const phone of phones.filter((one) => !one.own)) {
    const party = session?.[`${phone.role}_party`];
    if (party && !taken.has(party)) give(phone, party);
    else phone.number = null;
  }
  // A party that is not known, and the stranger, are anybody but those two.
  const usual = { first: "+12025550100", second: "+12025550101", stranger: "+12025550109" };
  for (const phone of phones.filter((one) => !one.number)) {
    give(phone, [usual[phone.role], ...OTHERS].find((number) => !taken.has(number)));
  }
  claimPhones();
}

// Tell the simulator that people answer these phones, not scripts, and no others.
function claimPhones() {
  const numbers = new Set(phones.map((phone) => phone.number));
  for (const number of claimed.keys()) {
    if (numbers.has(number)) continue;
    claimed.delete(number);
    attempt(() => ask("DELETE", `/_sim/phones/${number}`));
  }
  for (const number of numbers) {
    if (claimed.has(number)) continue;
    claimed.set(number, attempt(() => ask("PUT", `/_sim/phones/${number}`, BY_HAND)));
  }
}

/** Claim the phones anew, because a reset has forgotten it. */
export async function reclaimPhones() {
  claimed.clear();
  bindPhones();
  await Promise.all(claimed.values());
}

/** Place a call from a phone to the session's number; people answer it. */
export async function dial(phone) {
  const session = shownSession();
  if (!session) throw new Error("Create a session first: it has the number to call.");
  await Promise.all(claimed.values());
  const call = { from: phone.number, to: session.virtual_number };
  await ask("POST", "/_sim/calls", { ...call, ...BY_HAND });
}

/** Return whether a call is of the session that is shown, or was made to its number. */
export function isOfShown(call) {
  const session = shownSession();
  if (!session) return false;
  if (call.session_uuid) return call.session_uuid === session.session_uuid;
  return call.to === session.virtual_number;
}

/** Return the call that a phone is in, its leg, and which of five ways it looks. */
export function lineOf(phone) {
  let last = null;
  let live = null;
  for (const call of state.calls.values()) {
    for (const leg of call.legs) {
      if (leg.number !== phone.number) continue;
      const here = isOfShown(call);
      if (!leg.ended_at) {
        if (!live || here) live = { call, leg, here, shown: looks(call, leg) };
      } else if (here && (!last || leg.ended_at > last.leg.ended_at)) {
        last = { call, leg };
      }
    }
  }
  if (live) return live;
  const fresh = last && now() - Date.parse(last.leg.ended_at) < AFTERGLOW_MS;
  return { call: null, leg: fresh ? last.leg : null, here: true, shown: "idle" };
}

/** Return every leg that rings a person, with its call. */
export function ringingLegs() {
  const found = [];
  for (const call of state.calls.values()) {
    if (call.ended_at) continue;
    for (const leg of call.legs) {
      if (!leg.ended_at && looks(call, leg) === "incoming") found.push({ call, leg });
    }
  }
  return found;
}

function looks(call, leg) {
  const other = call.legs.find((one) => one.leg !== leg.leg);
  if (!leg.answered_at && (leg.leg === "callee" || call.direction === "outbound")) {
    return "incoming";
  }
  if (leg.heard.length) return hearing(leg)?.what === "talk" ? "talking" : "calling";
  const isUp = leg.answered_at && other?.answered_at && !other.ended_at;
  return isUp ? "talking" : "calling";
}

/** Make the person at a leg of a call do something. */
export function act({ leg }, action, digits = "") {
  // A leg has an address of its own: several of a call may ring at once.
  const path = `/_sim/calls/${leg.call_uuid}/actions`;
  return ask("POST", path, { action, leg: leg.leg, digits });
}

/** Return what a leg hears now, where the call is one that tells. */
export function hearing(leg) {
  return leg?.heard.findLast((one) => !one.until) ?? null;
}

/** Return whether a leg is asked for digits. */
export function isAsked(call, leg) {
  if (leg.asked !== null) return leg.asked;
  const alone = leg.leg === "caller" && call.legs.length === 1 && leg.answered_at;
  return alone && (call.waits_for === "digits" || Boolean(call.now_playing?.keys));
}

/** Return whether it rings at the other end of a leg. */
export function isRingingThere(call, leg, shown) {
  if (leg?.heard.length) return shown === "calling" && hearing(leg)?.what === "ringing";
  return shown === "calling" && Boolean(call.legs.find((one) => one !== leg && !one.ended_at));
}
