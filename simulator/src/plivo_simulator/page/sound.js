// Make phones sound: ringing, keys, and the audio that a session plays to somebody.

let context = null;
let on = true;
const ringing = new Map();
const playing = new Map();

const KEYS = {
  1: [697, 1209], 2: [697, 1336], 3: [697, 1477],
  4: [770, 1209], 5: [770, 1336], 6: [770, 1477],
  7: [852, 1209], 8: [852, 1336], 9: [852, 1477],
  "*": [941, 1209], 0: [941, 1336], "#": [941, 1477],
};

/** Turn all sound on or off. */
export function turnSound(wanted) {
  on = wanted;
  if (!on) {
    for (const role of [...ringing.keys()]) ring(role, null);
    for (const role of [...playing.keys()]) play(role, null);
  }
}

function tones(pitches, seconds, loudness) {
  if (!on) return;
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
  const start = context.currentTime;
  const volume = context.createGain();
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(loudness, start + 0.02);
  volume.gain.setValueAtTime(loudness, start + seconds - 0.03);
  volume.gain.linearRampToValueAtTime(0, start + seconds);
  volume.connect(context.destination);
  for (const pitch of pitches) {
    const voice = context.createOscillator();
    voice.frequency.value = pitch;
    voice.connect(volume);
    voice.start(start);
    voice.stop(start + seconds);
  }
}

/** Sound a key of the keypad. */
export function pressTone(key) {
  if (KEYS[key]) tones(KEYS[key], 0.14, 0.08);
}

/** Ring a phone: `kind` is "bell" (somebody calls), "back" (it rings there) or null. */
export function ring(role, kind) {
  const current = ringing.get(role);
  if (current?.kind === (kind ?? undefined)) return;
  if (current) clearInterval(current.timer);
  ringing.delete(role);
  if (!kind || !on) return;
  const once = () =>
    kind === "bell" ? tones([660, 880], 0.9, 0.06) : tones([440, 480], 1.4, 0.035);
  once();
  ringing.set(role, { kind, timer: setInterval(once, kind === "bell" ? 2200 : 4000) });
}

/** Play the audio at `url` on a phone, once; null is silence. */
export function play(role, url) {
  const current = playing.get(role);
  if (current?.url === (url ?? undefined)) return;
  current?.audio.pause();
  playing.delete(role);
  if (!url) return;
  const audio = new Audio(url);
  playing.set(role, { url, audio });
  if (on) audio.play().catch(() => {});
}
