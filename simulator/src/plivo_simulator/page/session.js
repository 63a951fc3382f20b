// The session: a form that creates one, and what is known of it.

import { phones } from "./lines.js";
import { forgive, refuse } from "./refusals.js";
import { statusOf, statusPill } from "./sessions.js";
import { ask, changed, now, show, shownSession, state } from "./state.js";
import { attempt, duration, make, phoneNumber, say } from "./words.js";

function tune(name) {
  return `${location.origin}/prompts/${name}.wav`;
}

function field(label, name, value, attributes = {}) {
  const input = make("input", { name, value, ...attributes });
  return make("label", { class: "field" }, [label, input]);
}

function check(label, name, checked = false) {
  const input = make("input", { type: "checkbox", name, checked });
  return make("label", { class: "check" }, [input, label]);
}

/** Put the form on the page. */
export function buildForm(form) {
  const [first, second] = phones;
  const format = make("select", { name: "record_file_format" }, [
    make("option", { value: "mp3" }, "mp3"), make("option", { value: "wav" }, "wav"),
  ]);
  const seconds = { inputmode: "numeric", pattern: "[0-9]+" };
  const through = make("select", { name: "through" }, [
    make("option", { value: "app" }, "the connected app"),
    make("option", { value: "plivo" }, "Plivo's API alone"),
  ]);
  form.append(
    make("label", { class: "field", id: "through", hidden: true }, ["Through", through]),
    make("div", { class: "pair" }, [
      field("First party", "first_party", first.number, { type: "tel" }),
      field("Second party", "second_party", second.number, { type: "tel" }),
      field("Expires after (s)", "session_expiry", "600", seconds),
      field("Rings for (s)", "ring_timeout", "45", seconds),
    ]),
    make("div", { class: "pair" }, [
      check("Record calls", "record", true),
      make("label", { class: "field" }, ["Format", format]),
    ]),
    check("Ask unknown callers for a PIN", "pin"),
    make("fieldset", { id: "pins", hidden: true }, [
      make("legend", {}, "PIN"),
      make("div", { class: "pair" }, [
        field("First party's", "first_party_pin", "1234"),
        field("Second party's", "second_party_pin", "4321"),
      ]),
      check("Also of registered callers", "force_pin_authentication"),
    ]),
    check("Play a tune to unknown callers", "unknown"),
    check("Greet both before they talk", "greet"),
    check("Only the first party is known", "single"),
    check("Ring the first party at once", "initiate_call_to_first_party"),
    make("button", { class: "primary", type: "submit" }, "Create session"),
  );
  form.elements.pin.addEventListener("change", () => {
    document.getElementById("pins").hidden = !form.elements.pin.checked;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    forgive(form);
    attempt(() => create(form).catch((problem) => refuse(form, problem)));
  });
}

function wanted(form) {
  const on = (name) => form.elements[name].checked;
  const text = (name) => form.elements[name].value.trim();
  const body = {
    first_party: text("first_party"),
    session_expiry: Number(text("session_expiry")),
    ring_timeout: Number(text("ring_timeout")),
    record: on("record"),
    record_file_format: text("record_file_format"),
    initiate_call_to_first_party: on("initiate_call_to_first_party"),
  };
  if (on("single")) body.create_session_with_single_party = true;
  else body.second_party = text("second_party");
  if (on("unknown")) body.unknown_caller_play = tune("unknown");
  if (on("greet")) {
    body.first_party_play_url = tune("greeting");
    body.second_party_play_url = tune("notice");
  }
  if (on("pin")) {
    Object.assign(body, {
      is_pin_authentication_required: true,
      first_party_pin: text("first_party_pin"),
      second_party_pin: text("second_party_pin"),
      pin_prompt_play: tune("pin"),
      incorrect_pin_play: tune("wrong-pin"),
      force_pin_authentication: on("force_pin_authentication"),
    });
  }
  return body;
}

async function create(form) {
  const body = wanted(form);
  const inbox = `${location.origin}/_sim/inbox/app`;
  Object.assign(body, { callback_url: inbox, recording_callback_url: inbox });
  if (state.app && form.elements.through.value === "app") {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const answer = await ask("POST", "/_sim/app/v1/sessions", body, headers);
    show(answer.session.carrier_session_uuid);
  } else {
    const session = await ask("POST", "/_sim/sessions", body);
    state.sessions.set(session.session_uuid, session);
    show(session.session_uuid);
  }
  document.getElementById("creating").open = false;
  changed();
}

/** Return the UUID that the connected app has for a session, if it is the app's. */
export function appUuid(session) {
  const match = session?.session.callback_url.match(/\/plivo\/sessions\/([0-9a-f-]{36})\//);
  return state.app && match ? match[1] : null;
}

async function change(session, method, body) {
  const uuid = appUuid(session);
  const path = uuid ? `/_sim/app/v1/sessions/${uuid}` : `/_sim/sessions/${session.session_uuid}`;
  await ask(method, path, body);
}

const shown = {};

/** Put the empty panel on the page. */
export function buildSession(place) {
  const button = (text, work) => make("button", {
    type: "button", onclick: () => attempt(() => work(shownSession())),
  }, text);
  shown.number = make("output", { "aria-label": "Virtual number" });
  shown.status = make("span");
  shown.bar = make("i");
  shown.facts = make("dl", { class: "facts" });
  shown.buttons = make("div", { class: "row" }, [
    button("+10 minutes", (s) => change(s, "PATCH", { session_expiry: left(s) + 600 })),
    button("Replace number", (s) =>
      ask("POST", `/_sim/sessions/${s.session_uuid}/replace-number`)),
    button("End now", (s) => change(s, "DELETE")),
  ]);
  shown.place = place;
  place.append(
    make("div", { class: "session-top" }, [shown.number, shown.status]),
    make("div", { class: "life" }, shown.bar),
    shown.facts,
    shown.buttons,
  );
}

function left(session) {
  return Math.max(0, Math.floor((Date.parse(session.expiry_time) - now()) / 1000));
}

// The first session, wherever it was created, closes the form that nobody is filling in.
function closeForm() {
  const creating = document.getElementById("creating");
  if (!shown.none || state.sessions.size === 0) return;
  shown.none = false;
  if (!creating.contains(document.activeElement)) creating.open = false;
}

/** Draw the session that is shown. */
export function drawSession() {
  document.getElementById("through").hidden = !state.app;
  const session = shownSession();
  if (!session) shown.none = true;
  closeForm();
  shown.place.hidden = !session;
  if (!session) return;
  const seconds = left(session);
  const status = statusOf(session);
  say(shown.number, phoneNumber(session.virtual_number));
  if (shown.status.textContent !== status) shown.status.replaceChildren(statusPill(status));
  const whole = session.session.duration || 1;
  shown.bar.style.width = `${status === "expired" ? 0 : Math.min(100, (seconds / whole) * 100)}%`;
  for (const button of shown.buttons.children) button.disabled = status === "expired";
  drawFacts(session, status, seconds);
}

function drawFacts(session, status, seconds) {
  const { session: told } = session;
  const facts = {
    Parties: [session.first_party, session.second_party]
      .map((number) => (number ? phoneNumber(number) : "anyone")).join(", "),
    [status === "expired" ? "Expired at" : "Expires in"]:
      status === "expired" ? session.expiry_time.slice(11, 19) : duration(seconds),
    Calls: `${session.calls.length}, ${told.total_call_count} legs`,
    Billed: `${told.total_call_billed_duration} s, $${Number(told.total_call_amount).toFixed(4)}`,
  };
  if (told.first_party_pin) facts.PINs = `${told.first_party_pin} / ${told.second_party_pin}`;
  if (session.last_caller) facts["Last caller"] = phoneNumber(session.last_caller);
  if (session.account.startsWith("SA")) facts["Sub-account"] = session.account;
  facts.UUID = session.session_uuid;
  const rows = Object.entries(facts);
  if (shown.facts.children.length !== rows.length * 2) {
    shown.facts.replaceChildren(...rows.flatMap(() => [make("dt"), make("dd")]));
  }
  rows.forEach(([name, value], n) => {
    say(shown.facts.children[2 * n], name);
    say(shown.facts.children[2 * n + 1], value);
  });
}
