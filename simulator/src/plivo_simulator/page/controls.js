// Faults and switches: what may go wrong, and what Plivo leaves undocumented.

import { ask, changed, state } from "./state.js";
import { attempt, make, say } from "./words.js";

const CHOICES = [
  ["off", "off", null],
  ["once", "once", { times: 1 }],
  ["some", "1 in 10", { rate: 0.1 }],
  ["half", "every other", { rate: 0.5 }],
  ["always", "always", {}],
];

function choiceOf(armed) {
  if (!armed || armed.times === 0) return "off";
  if (armed.times !== null) return "once";
  return armed.rate >= 1 ? "always" : armed.rate >= 0.3 ? "half" : "some";
}

const POINTS = {
  webhooks: ["callback"], recordings: ["record", "recording"], create: ["create"],
  update: ["update"], delete: ["delete"], get: ["get"], list: ["list"],
  send: ["message_send"], lookup: ["message_get", "message_list"],
  messages: ["message", "message_status", "message_dispatch", "message_arrival", "message_media"],
};

const rows = new Map();
const chips = new Map();
let point = "webhooks";

function buildChips() {
  for (const name of [...Object.keys(POINTS), "armed", "all"]) {
    const chip = make("button", {
      type: "button",
      onclick: () => {
        point = name;
        changed();
      },
    }, name);
    chips.set(name, chip);
  }
  document.getElementById("points").append(...chips.values());
}

function isShown(fault, sought) {
  if (sought) return `${fault.name} ${fault.description}`.toLowerCase().includes(sought);
  if (point === "armed") return choiceOf(fault.armed) !== "off";
  return point === "all" || POINTS[point].includes(fault.point);
}

function faultRow(fault) {
  const select = make("select", {
    "aria-label": `Arm ${fault.name}`,
    onchange: () => attempt(async () => {
      const [, , spec] = CHOICES.find(([value]) => value === select.value);
      const report = await ask("PATCH", "/_sim/faults", { [fault.name]: spec });
      state.faults = report.faults;
      changed();
    }),
  }, CHOICES.map(([value, text]) => make("option", { value }, text)));
  const fired = make("td", { class: "fired" });
  const row = make("tr", {}, [
    make("th", { scope: "row" }, [
      make("code", {}, fault.name), make("small", {}, fault.description),
    ]),
    make("td", {}, select),
    fired,
  ]);
  return { row, select, fired };
}

/** Draw the faults. */
export function drawFaults() {
  const place = document.getElementById("faults");
  if (rows.size === 0 && state.faults.length) {
    for (const fault of state.faults) rows.set(fault.name, faultRow(fault));
    const body = [...rows.values()].map(({ row }) => row);
    place.replaceChildren(make("table", {}, make("tbody", {}, body)));
    buildChips();
  }
  const sought = document.getElementById("find-fault").value.trim().toLowerCase();
  for (const fault of state.faults) {
    const { row, select, fired } = rows.get(fault.name);
    const choice = choiceOf(fault.armed);
    if (select.value !== choice) select.value = choice;
    row.dataset.armed = String(choice !== "off");
    row.hidden = !isShown(fault, sought);
    say(fired, fault.fired ? `${fault.fired}×` : "");
  }
  for (const [name, chip] of chips) {
    chip.setAttribute("aria-pressed", String(!sought && name === point));
  }
  const armed = state.faults.filter((fault) => choiceOf(fault.armed) !== "off").length;
  if (chips.size) say(chips.get("armed"), armed ? `armed (${armed})` : "armed");
}

const selects = new Map();

/** Draw the switches. */
export function drawSwitches() {
  const place = document.getElementById("switches");
  if (selects.size === 0 && Object.keys(state.allowed).length) {
    const body = Object.entries(state.allowed).map(([name, { values, description }]) => {
      const select = make("select", {
        "aria-label": name,
        onchange: () => attempt(() => ask("PUT", "/_sim/switches", { [name]: select.value })),
      }, values.map((value) => make("option", { value }, value)));
      selects.set(name, select);
      return make("tr", {}, [
        make("th", { scope: "row" }, [make("code", {}, name), make("small", {}, description)]),
        make("td", {}, select),
      ]);
    });
    place.replaceChildren(make("table", {}, make("tbody", {}, body)));
  }
  for (const [name, select] of selects) {
    if (select.value !== state.switches[name]) select.value = state.switches[name];
  }
}
