// The recordings of the session that is shown: as Plivo has them, and as the app keeps them.

import { appUuid } from "./session.js";
import { ask, changed, shownSession, state } from "./state.js";
import { duration, make, pill } from "./words.js";

const TONES = { stored: "go", failed: "stop", deleted: "stop" };
// The app stores a recording some time after the call: look a few times.
const LOOKS_AFTER_SECONDS = [0, 2, 5, 10, 30];

const drawn = new Map();
const kept = new Map();

function entry(key, url, what) {
  const version = `${url} ${what.map((part) => part.textContent ?? part).join(" ")}`;
  const known = drawn.get(key);
  if (known?.dataset.version === version) return known;
  const item = make("li", { "data-version": version }, make("div", { class: "what" }, what));
  if (url) {
    const label = `Recording ${what[0].textContent ?? what[0]}`;
    item.append(make("audio", { controls: "", preload: "metadata", src: url, "aria-label": label }));
  }
  drawn.set(key, item);
  return item;
}

function atPlivo({ recording }) {
  const troubles = Object.keys(recording.troubles).map((name) => pill("warn", name));
  const gone = recording.deleted ? [pill("stop", "deleted")] : [];
  const what = [
    make("span", {}, `${recording.format}, ${duration(recording.milliseconds / 1000)}`),
    ...gone, ...troubles,
  ];
  const key = `plivo ${recording.recording_id}`;
  return entry(key, recording.deleted ? null : recording.url, what);
}

function inTheApp(recording) {
  const { recording_uuid: uuid, status, failure } = recording;
  const length = recording.duration === null ? "" : `, ${duration(recording.duration)}`;
  const bytes = recording.bytes ? `, ${Math.ceil(recording.bytes / 1024)} KiB` : "";
  const what = [
    make("span", {}, `${recording.format ?? "file"}${length}${bytes}`),
    pill(TONES[status] ?? "warn", failure ? `${status}: ${failure}` : status),
  ];
  return entry(`app ${uuid}`, status === "stored" ? `/_sim/app/recordings/${uuid}` : null, what);
}

function fill(id, items) {
  const list = document.getElementById(id);
  const same = items.length === list.children.length
    && items.every((item, n) => list.children[n] === item);
  if (!same) list.replaceChildren(...items);
  list.nextElementSibling.hidden = items.length > 0;
}

/** Draw the recordings. */
export function drawRecordings() {
  const session = shownSession();
  const calls = (session?.calls ?? []).map((uuid) => state.calls.get(uuid))
    .filter((call) => call?.recording?.ended_at);
  fill("recordings-plivo", calls.map(atPlivo).reverse());
  const uuid = session && appUuid(session);
  document.getElementById("recordings-kept").hidden = !uuid;
  if (!uuid) return;
  look(uuid, calls.length);
  fill("recordings-app", kept.get(uuid).recordings.map(inTheApp).reverse());
}

// Ask the app when the session is first shown, and after each recording.
function look(uuid, count) {
  if (kept.get(uuid)?.count === count) return;
  kept.set(uuid, { count, recordings: kept.get(uuid)?.recordings ?? [] });
  const times = count ? LOOKS_AFTER_SECONDS : [0];
  for (const seconds of times) setTimeout(() => fetchKept(uuid), seconds * 1000);
}

async function fetchKept(uuid) {
  try {
    const answer = await ask("GET", `/_sim/app/v1/sessions/${uuid}/recordings`);
    kept.get(uuid).recordings = answer.objects ?? [];
    changed();
  } catch {
    // The app doesn't know the session, or has nothing to tell yet.
  }
}
