// Verifies webhooks, which are signed as the Standard Webhooks specification says.

import { createHmac, timingSafeEqual } from "node:crypto";

import type { components, webhooks } from "./schema.js";

type Bodies = {
  [Kind in keyof webhooks]: webhooks[Kind] extends {
    post: { requestBody: { content: { "application/json": infer Body } } };
  }
    ? Body
    : never;
};

/** An event, which its `type` tells apart. Act once for each `id`: one may come again. */
export type Event = Bodies[keyof Bodies];

/** The types of events. */
export type EventType = keyof webhooks;

export type Schemas = components["schemas"];

/** A webhook is not signed with any of the secrets, or not just now. */
export class WebhookRefusedError extends Error {
  override name = "WebhookRefusedError";
}

/** Seconds that a signature may be old, or ahead of this machine's clock. */
export const TOLERANCE = 300;

/**
 * Returns the event of a webhook that is signed with one of the secrets.
 *
 * The body is what came, byte for byte. While secrets are rotated, give both.
 * Throws WebhookRefusedError for anything else.
 */
export function verify(
  body: string | Uint8Array,
  headers: Record<string, string | string[] | undefined>,
  secrets: string | readonly string[],
  now: number = Date.now() / 1000,
): Event {
  const told = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
  const id = told.get("webhook-id");
  const timestamp = told.get("webhook-timestamp") ?? "";
  const signatures = told.get("webhook-signature")?.split(" ") ?? [];
  if (id === undefined || !/^[0-9]+$/.test(timestamp)) throw new WebhookRefusedError("it is not signed");
  if (Math.abs(now - Number(timestamp)) > TOLERANCE) {
    throw new WebhookRefusedError("it was signed at another time");
  }
  for (const secret of typeof secrets === "string" ? [secrets] : secrets) {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    const digest = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
    if (signatures.some((each) => isSame(each, `v1,${digest}`))) {
      return JSON.parse(typeof body === "string" ? body : Buffer.from(body).toString("utf8")) as Event;
    }
  }
  throw new WebhookRefusedError("no signature fits");
}

function isSame(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}
