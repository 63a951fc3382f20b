// A typed client of the API: openapi-fetch over the types of openapi.yaml, with
// idempotency keys, and retries where they are safe.

import createClient, { type Client } from "openapi-fetch";

import { repeating, type RetryOptions } from "./retries.js";
import type { components, paths } from "./schema.js";

export { TOLERANCE, verify, WebhookRefusedError, type Event, type EventType } from "./webhooks.js";
export type { RetryOptions } from "./retries.js";
export type { components, operations, paths, webhooks } from "./schema.js";

/** An error of the API: decide by `code`, and by `outcome` whether Plivo may have acted. */
export type Problem = components["schemas"]["Problem"];

export interface MasklineOptions extends RetryOptions {
  baseUrl: string;
  key: string;
}

/**
 * Returns a client with a method for each HTTP method, such as
 * `maskline.POST("/v1/sessions", { body })`, whose answers have `data` or `error`.
 *
 * A create without an `Idempotency-Key` is given one, which is good for that call and its
 * retries; give one of your own, such as an order's number, to repeat the whole call.
 */
export function createMaskline(options: MasklineOptions): Client<paths, "application/json"> {
  const client = createClient<paths, "application/json">({
    baseUrl: options.baseUrl,
    headers: { authorization: `Bearer ${options.key}` },
    fetch: repeating(options),
  });
  client.use({
    onRequest({ request, schemaPath }) {
      if (schemaPath === "/v1/sessions" && request.method === "POST" && !request.headers.has("idempotency-key")) {
        request.headers.set("idempotency-key", crypto.randomUUID());
      }
      return request;
    },
  });
  return client;
}

/** Returns the problem in an error; null for what API Gateway answers by itself. */
export function problemIn(error: unknown): Problem | null {
  return typeof error === "object" && error !== null && "code" in error ? (error as Problem) : null;
}
