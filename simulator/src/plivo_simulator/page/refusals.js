// Name the field of a form that was refused, at the field.

import { make, say } from "./words.js";

/** Take away what an earlier refusal said. */
export function forgive(form) {
  for (const flaw of form.querySelectorAll(".flaw")) flaw.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

/** Say at each refused field why; throw *problem* on if no field of the form is named. */
export function refuse(form, problem) {
  const refused = refusedFields(form, problem);
  if (refused.size === 0) throw problem;
  for (const [input, text] of refused) {
    const id = `flaw-of-${input.name}`;
    const flaw = make("span", { class: "flaw", id });
    say(flaw, text);
    input.closest("label").append(flaw);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", id);
    input.addEventListener("input", () => clear(input, flaw), { once: true });
  }
  // The reader of a screen hears the field and why it was refused.
  [...refused.keys()][0].focus();
}

function clear(input, flaw) {
  flaw.remove();
  input.removeAttribute("aria-invalid");
  input.removeAttribute("aria-describedby");
}

// An app names the fields; Plivo has one sentence, which begins with or holds the name.
function refusedFields(form, { message, violations = [] }) {
  const refused = new Map();
  const inputs = [...form.elements].filter((input) => input.name && input.closest("label"));
  for (const { field, rule } of violations) {
    const input = inputs.find((one) => one.name === field);
    if (input && !refused.has(input)) refused.set(input, rule);
  }
  if (refused.size || violations.length) return refused;
  const named = inputs
    .map((input) => [message.search(new RegExp(`\\b${input.name}\\b`)), input])
    .filter(([place]) => place >= 0)
    .sort(([a], [b]) => b - a);
  // "First must be different from second": the last one is the one to change.
  if (named.length) refused.set(named[0][1], message);
  return refused;
}
