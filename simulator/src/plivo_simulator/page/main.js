// Put the page together and keep it true.

import { drawFaults, drawSwitches } from "./controls.js";
import { drawExchange } from "./exchange.js";
import { reclaimPhones } from "./lines.js";
import { buildPhones, drawPhones } from "./phones.js";
import { drawRecordings } from "./recordings.js";
import { buildRinging, drawRinging } from "./ringing.js";
import { buildForm, buildSession, drawSession } from "./session.js";
import { buildSessions, drawSessions } from "./sessions.js";
import { turnSound } from "./sound.js";
import { ask, changed, follow, now, onChange, state } from "./state.js";
import { drawInbox, drawTimeline } from "./timeline.js";
import { buildTexts, drawTexts } from "./texts.js";
import { attempt, say, timeOfDay } from "./words.js";

const $ = (id) => document.getElementById(id);

function drawClock() {
  say($("clock"), timeOfDay(now()));
  const { speed } = state.clock;
  say($("speed"), speed === 1 ? "UTC" : speed === 0 ? "UTC, stopped" : `UTC, ×${speed}`);
}

function paint(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = theme === "dark" ? "Light" : "Dark";
}

function dress() {
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // Storage may be forbidden; the system's preference is good enough.
  }
  paint(chosen ?? (preferred.matches ? "dark" : "light"));
  preferred.addEventListener("change", (event) => paint(event.matches ? "dark" : "light"));
  $("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    paint(theme);
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // As above.
    }
  });
}

function wire() {
  $("sound").addEventListener("click", () => {
    const on = $("sound").getAttribute("aria-pressed") !== "true";
    $("sound").setAttribute("aria-pressed", String(on));
    turnSound(on);
  });
  $("reset").addEventListener("click", () => attempt(() => ask("POST", "/_sim/reset", {})));
  $("calm").addEventListener("click", () => attempt(() => ask("PUT", "/_sim/faults", {})));
  $("find-fault").addEventListener("input", changed);
  for (const name of ["callbacks", "changes", "reads"]) {
    $(`with-${name}`).addEventListener("change", changed);
  }
}

dress();
buildPhones($("phones"));
buildTexts();
buildRinging($("ringing"));
buildSession($("session-shown"));
buildSessions();
buildForm($("create"));
wire();
for (const draw of [
  drawClock, drawPhones, drawTexts, drawRinging, drawExchange, drawSession, drawSessions, drawTimeline,
  drawInbox, drawRecordings, drawFaults, drawSwitches,
]) onChange(draw);
follow((word) => {
  $("link").dataset.state = word;
  say($("link"), { live: "live", lost: "connection lost, trying again" }[word]);
}, async () => {
  $("creating").open = state.sessions.size === 0;
  await reclaimPhones();
});
setInterval(changed, 250);
