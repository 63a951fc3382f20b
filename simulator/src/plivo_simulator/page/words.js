// Write numbers, times and durations for people, and build elements without markup.

/** Return "+1 202 555 0100" for "+12025550100" or "12025550100". */
export function phoneNumber(e164) {
  if (!e164) return "withheld";
  const digits = String(e164).replace(/^\+/, "");
  const us = digits.match(/^1(\d{3})(\d{3})(\d{4})$/);
  if (us) return `+1 ${us[1]} ${us[2]} ${us[3]}`;
  const gb = digits.match(/^44(\d{2})(\d{4})(\d{4})$/);
  if (gb) return `+44 ${gb[1]} ${gb[2]} ${gb[3]}`;
  const india = digits.match(/^91(\d{2})(\d{4})(\d{4})$/);
  return india ? `+91 ${india[1]} ${india[2]} ${india[3]}` : `+${digits}`;
}

/** Return "1:05" for 65 seconds, "1:00:05" for an hour and five. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  const rest = `${two(whole % 60)}`;
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`;
}

/** Return "12:30:05" of a moment, as simulated UTC. */
export function timeOfDay(moment) {
  return new Date(moment).toISOString().slice(11, 19);
}

/** Return "just now", "4 min ago", "2 h ago" for an age in seconds. */
export function age(seconds) {
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 2 * 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

/** Return "+12025550100" for a number as a person writes it, or null for what is none. */
export function dialed(text) {
  const digits = text.replace(/[\s().-]/g, "");
  return /^\+?[1-9]\d{6,14}$/.test(digits) ? `+${digits.replace("+", "")}` : null;
}

/** Return an element; `content` is text, elements, or both in a list. */
export function make(tag, attributes = {}, content = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value === "boolean") element[name] = value;
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...[content].flat());
  return element;
}

/** Return a colored word. */
export function pill(tone, text) {
  return make("span", { class: "pill", "data-tone": tone }, text);
}

/** Set an element's text only when it differs, so that readers aren't disturbed. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show a sentence for a while. */
export function toast(text) {
  const element = document.getElementById("toast");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { element.hidden = true; }, 6000);
}

/** Do something that may fail; say how. */
export async function attempt(work) {
  try {
    return await work();
  } catch (problem) {
    toast(problem.message);
    return null;
  }
}
