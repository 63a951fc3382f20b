// Requests again, where sending them twice does no harm.

/** When a request may be sent again. */
export type Repeatable = "always" | "if undone";

export interface RetryOptions {
  /** How often a request is sent again at most; 4 unless set. */
  retries?: number;
  /** Milliseconds in which all of it must be done; a minute unless set. */
  patience?: number;
  /** How long one request may take, in milliseconds; longer than the API may. */
  timeout?: number;
  fetch?: (request: Request) => Promise<Response>;
  sleep?: (milliseconds: number) => Promise<void>;
}

// Beside what has a Retry-After: what may be otherwise the next time.
const PASSING = new Set([
  "carrier_unreachable",
  "carrier_failed",
  "carrier_timeout",
  "carrier_throttled",
  "storage_unavailable",
  "internal_error",
]);

// API Gateway's own answers, which have no code: too many, failed, too slow.
const PASSING_STATUSES = new Set([429, 500, 503]);

// Pauses without a Retry-After: half a second, and twice as much each time.
const FIRST_PAUSE = 500;

// What fetch says where no connection came about, so that nothing was sent.
const UNSENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);

/** Returns a fetch that sends again what may be. */
export function repeating(options: RetryOptions): (request: Request) => Promise<Response> {
  const { retries = 4, patience = 60_000, timeout = 35_000 } = options;
  const send = options.fetch ?? ((request: Request) => fetch(request));
  const sleep = options.sleep ?? ((ms: number) => new Promise<void>((done) => setTimeout(done, ms)));

  return async (request) => {
    const repeatable = repeatableOf(request);
    const until = Date.now() + patience;
    for (let attempt = 0; ; attempt++) {
      let pause: number | null = null;
      let give: () => Response;
      try {
        const response = await send(new Request(request.clone(), { signal: AbortSignal.timeout(timeout) }));
        if (response.ok || !(await mayBeRepeated(response.clone(), repeatable))) return response;
        pause = retryAfter(response);
        give = () => response;
      } catch (error) {
        if (repeatable !== "always" && !isUnsent(error)) throw error;
        give = () => {
          throw error;
        };
      }
      pause ??= FIRST_PAUSE * 2 ** attempt * (0.5 + Math.random());
      if (attempt === retries || Date.now() + pause > until) return give();
      await sleep(pause);
    }
  };
}

/** Reads, endings, deletions, and creates with a key act once; an update may not. */
function repeatableOf(request: Request): Repeatable {
  const path = new URL(request.url).pathname;
  if (request.method === "PATCH") return "if undone";
  if (request.method !== "POST") return "always";
  if (path.endsWith("/replay")) return "if undone";
  const makes = path.endsWith("/v1/sessions");
  return !makes || request.headers.has("idempotency-key") ? "always" : "if undone";
}

async function mayBeRepeated(response: Response, repeatable: Repeatable): Promise<boolean> {
  const isProblem = response.headers.get("content-type")?.includes("problem+json") ?? false;
  const problem = isProblem ? ((await response.json()) as { code?: string; outcome?: string }) : {};
  const passing =
    retryAfter(response) !== null ||
    PASSING.has(problem.code ?? "") ||
    (problem.code === undefined && PASSING_STATUSES.has(response.status));
  if (repeatable === "always" || response.status === 429) return passing;
  return passing && (problem.outcome?.startsWith("not_") ?? false);
}

function retryAfter(response: Response): number | null {
  const told = response.headers.get("retry-after") ?? "";
  return /^[0-9]+$/.test(told) ? Number(told) * 1000 : null;
}

function isUnsent(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
  return UNSENT.has(cause?.code ?? "");
}
