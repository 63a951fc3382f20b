// The recordings of the session that is shown: as Plivo has them, and as the app keeps them.

import { appUuid } from "./session.js";
import { ask, changed, shownSession, state } from "./state.js";
import { duration, make, pill } from "./words.js";

const drawn = new Map();
const stored = new Map();

function player(key, url, what) {
  const known = drawn.get(key);
  const version = what.map((part) => part.textContent ?? part).join(" ");
  if (known && known.dataset.version === version) return known;
  const item = make("li", { "data-version": version }, [
    make("div", { class: "what" }, what),
    make("audio", { controls: "", preload: "metadata", src: url }),
  ]);
  drawn.set(key, item);
  return item;
}

/** Draw the recordings. */
export function drawRecordings() {
  const session = shownSession();
  const calls = session ? session.calls.map((uuid) => state.calls.get(uuid)) : [];
  const items = [];
  for (const call of calls.filter((one) => one?.recording?.ended_at).reverse()) {
    const { recording } = call;
    const troubles = Object.keys(recording.troubles).map((name) => pill("warn", name));
    const length = duration(recording.milliseconds / 1000);
    const what = [make("strong", {}, "At Plivo"), `${recording.format}, ${length}`, ...troubles];
    items.push(player(recording.recording_id, recording.url, what));
  }
  const uuid = appUuid(session);
  if (uuid && items.length) fetchStored(uuid, session.calls.length);
  for (const kept of (uuid && stored.get(uuid)?.recordings) || []) {
    const id = kept.recording_uuid ?? kept.recording_id;
    const url = `/_sim/app/recordings/${id}`;
    const state_ = pill(kept.status === "stored" ? "go" : "warn", kept.status ?? "stored");
    items.push(player(`${id} ${kept.status}`, url, [make("strong", {}, "In the app's bucket"), state_]));
  }
  const list = document.getElementById("recordings");
  const same = items.length === list.children.length
    && items.every((item, n) => list.children[n] === item);
  if (!same) list.replaceChildren(...items);
  document.getElementById("recordings-empty").hidden = items.length > 0;
}

// The app stores a recording some time after the call: look a few times.
function fetchStored(uuid, calls) {
  const known = stored.get(uuid);
  if (known?.calls === calls) return;
  stored.set(uuid, { calls, recordings: known?.recordings ?? [] });
  for (const seconds of [1, 4, 10, 30]) {
    setTimeout(async () => {
      try {
        const answer = await ask("GET", `/_sim/app/v1/sessions/${uuid}/recordings`);
        stored.get(uuid).recordings = answer.recordings ?? answer.items ?? [];
        changed();
      } catch {
        // The app has no such route, or nothing to tell yet.
      }
    }, seconds * 1000);
  }
}
