// The texts of each phone: what it wrote, what arrived there, and a line to write on.

import { phones } from "./lines.js";
import { ask, shownSession, state } from "./state.js";
import { attempt, dialed, make, phoneNumber, pill, timeOfDay } from "./words.js";

const KEPT = 50;

/** Put a thread below each phone; the phones are there already. */
export function buildTexts() {
  const template = document.getElementById("thread");
  for (const phone of phones) {
    const thread = template.content.firstElementChild.cloneNode(true);
    thread.dataset.role = phone.role;
    thread.setAttribute("aria-label", `Texts of the ${phone.title.toLowerCase()}`);
    const part = (name) => thread.querySelector(name);
    phone.thread = {
      thread, list: part("ol"), none: part(".empty"), to: part(".to"), text: part(".text"),
      picture: part(".picture"), drawn: new Map(), number: null, chosen: null,
    };
    const { to, text, picture } = phone.thread;
    to.setAttribute("aria-label", `Number that the ${phone.title.toLowerCase()} writes to`);
    text.setAttribute("aria-label", `Text of the ${phone.title.toLowerCase()}`);
    to.addEventListener("focus", () => to.select());
    to.addEventListener("change", () => {
      phone.thread.chosen = dialed(to.value);
      drawTo(phone);
    });
    picture.addEventListener("click", () => {
      const on = picture.getAttribute("aria-pressed") !== "true";
      picture.setAttribute("aria-pressed", String(on));
    });
    part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(() => write(phone));
    });
    phone.element.after(thread);
  }
}

async function write(phone) {
  const { text, picture } = phone.thread;
  const pictures = picture.getAttribute("aria-pressed") === "true" ? 1 : 0;
  const to = goal(phone);
  if (!to) throw new Error("Write the number of your account that the text is for.");
  if (!text.value && !pictures) throw new Error("There is nothing to send yet.");
  await ask("POST", "/_sim/messages", { from: phone.number, to, text: text.value, pictures });
  text.value = "";
  picture.setAttribute("aria-pressed", "false");
  text.focus();
}

// A number by hand; else the session's, or that of the last text.
function goal(phone) {
  const { chosen } = phone.thread;
  return chosen ?? shownSession()?.virtual_number ?? shownTexts(phone).at(-1)?.number ?? null;
}

function shownTexts(phone) {
  const texts = [...state.messages.values()].filter((message) =>
    message.phone === phone.number && (message.direction === "inbound" || message.arrived_at));
  const moment = (message) => message.arrived_at ?? message.created_at;
  return texts.sort((a, b) => (moment(a) < moment(b) ? -1 : moment(a) > moment(b) ? 1 : 0))
    .slice(-KEPT);
}

/** Draw the threads as they are. */
export function drawTexts() {
  for (const phone of phones) {
    const { list, none, drawn } = phone.thread;
    if (phone.thread.number !== phone.number) {
      phone.thread.number = phone.number;
      drawn.clear();
      list.replaceChildren();
    }
    const texts = shownTexts(phone);
    none.hidden = texts.length > 0;
    list.hidden = texts.length === 0;
    const before = drawn.size;
    for (const message of texts) drawText(phone, message);
    if (drawn.size > before) list.scrollTop = list.scrollHeight;
    const shown = new Set(texts.map((message) => message.message_uuid));
    for (const [uuid, item] of drawn) {
      if (shown.has(uuid)) continue;
      item.remove();
      drawn.delete(uuid);
    }
    drawTo(phone);
  }
}

function drawTo(phone) {
  const { to, chosen } = phone.thread;
  to.dataset.own = String(Boolean(chosen));
  if (document.activeElement === to) return;
  const number = goal(phone);
  const text = number ? phoneNumber(number) : "";
  if (to.value !== text) to.value = text;
}

function drawText(phone, message) {
  const { list, drawn } = phone.thread;
  let item = drawn.get(message.message_uuid);
  if (!item) {
    item = make("li", { "data-direction": message.direction }, [
      ...message.media.map((medium) => make("img", {
        src: new URL(medium.url).pathname, alt: "A picture", width: 96, height: 72,
      })),
      make("p", { class: "said" }, message.text),
      make("p", { class: "told" }),
    ]);
    if (message.by_plivo) item.dataset.plivo = "true";
    drawn.set(message.message_uuid, item);
    list.append(item);
  }
  const version = `${message.state} ${tries(message).length}`;
  if (item.dataset.version === version) return;
  item.dataset.version = version;
  item.querySelector(".told").replaceChildren(
    make("time", {}, timeOfDay(message.arrived_at ?? message.created_at)), ...fate(message),
  );
}

function tries(message) {
  const told = message.callbacks.filter((callback) => callback.channel === "message");
  return told.flatMap((callback) => callback.attempts);
}

// Of what a person wrote: whether the app knows it. Of what came: from whom.
function fate(message) {
  const number = make("span", { class: "of" }, phoneNumber(message.number));
  if (message.by_plivo) return [number, pill("warn", "by Plivo itself")];
  if (message.direction === "outbound") return [number];
  const last = tries(message).at(-1);
  const answer = last ? ` ${last.status ?? last.error}` : "";
  const tone = { delivered: "go", undelivered: "stop" }[message.state] ?? "warn";
  return [number, pill(tone, `${message.state}${answer}`)];
}
