"""The TypeScript client, and what node makes of openapi.yaml; skipped without it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from masking.domain import deliveries, webhook_signing
from stack.environments import ROOT
from stack.running import RunningStack
from tests.support import published_events
from tests.support.api_document import DOCUMENT
from tests.support.documents import blocks_of
from tests.support.event_schemas import FOLDER as EVENTS
from tests.support.people import pair_of
from tests.support.request_values import PATTERNS, VALUES
from tests.support.session_states import NOW

SOURCE = ROOT / "clients" / "typescript"

OLDEST_NODE = 20

Node = Callable[..., str]


def run(command: list[str], folder: Path, stdin: str = "") -> str:
    """Run a command; return what it says. Fails the test if it fails."""
    done = subprocess.run(
        command, cwd=folder, input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the client in a copy, as `npm ci` and `npm run build` do."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not here: the TypeScript client was NOT tested")
    version = int(run([node, "--version"], ROOT).removeprefix("v").split(".")[0])
    if version < OLDEST_NODE:
        pytest.skip(f"node is {version}: the TypeScript client was NOT tested")
    root = tmp_path_factory.mktemp("node")
    folder = root / "clients" / "typescript"
    made = ("node_modules", "dist", "schema.d.ts")
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(*made))
    shutil.copyfile(ROOT / "openapi.yaml", root / "openapi.yaml")
    (root / "openapi.json").write_text(json.dumps(DOCUMENT))
    run([npm, "ci", "--ignore-scripts", "--silent"], folder)
    run([npm, "run", "--silent", "build"], folder)
    return folder


@pytest.fixture
def script(package: Path) -> Node:
    """Return a function that runs a script in the package with an input."""

    def execute(text: str, given: Any = None) -> str:
        (package / "script.mjs").write_text(text)
        return run(["node", "script.mjs"], package, json.dumps(given))

    return execute


READ = """
import { readFileSync } from "node:fs";
import {
  createMaskline, problemIn, verify, WebhookRefusedError,
} from "./dist/index.js";
const given = JSON.parse(readFileSync(0, "utf8"));
"""

USE = (
    READ
    + """
const maskline = createMaskline({ baseUrl: given.url, key: given.key });
const created = await maskline.POST("/v1/sessions", { body: given.pair });
const path = { session_uuid: created.data.session_uuid };
const of = "/v1/sessions/{session_uuid}";
const read = await maskline.GET(of, { params: { path } });
const body = { ring_timeout: 30 };
const changed = await maskline.PATCH(of, { params: { path }, body });
const ended = await maskline.DELETE(of, { params: { path } });
const late = await maskline.PATCH(of, { params: { path }, body });
console.log(JSON.stringify([
  created.response.status, read.data.session.status, changed.data.session.ring_timeout,
  ended.data.session.status, problemIn(late.error).code,
]));
"""
)


def test_a_session_is_created_read_changed_and_ended(
    script: Node, stack: RunningStack
) -> None:
    given = {
        "url": stack.addresses.api_url,
        "key": stack.api_key,
        "pair": pair_of(9_010),
    }

    done = json.loads(script(USE, given))
    assert done == [201, "active", 30, "expired", "session_expired"]


RETRY = (
    READ
    + """
const told = [];
for (const { status, code, outcome, after, fails } of given) {
  const counts = {};
  for (const [name, method, path] of [
    ["create", "POST", "/v1/sessions"], ["update", "PATCH", "/v1/sessions/x"],
    ["read", "GET", "/v1/sessions/x"],
    ["replay", "POST", "/v1/webhooks/deliveries/x/replay"],
  ]) {
    const keys = [];
    const maskline = createMaskline({
      baseUrl: "http://test", key: "k", sleep: async () => {},
      fetch: async (request) => {
        keys.push(request.headers.get("idempotency-key"));
        const cause = { code: fails };
        if (fails) throw Object.assign(new TypeError("x"), { cause });
        const type = code ? "application/problem+json" : "application/json";
        const headers = { "content-type": type };
        if (after !== undefined) headers["retry-after"] = String(after);
        const body = JSON.stringify({ code, outcome, message: "x" });
        return new Response(body, { status, headers });
      },
    });
    const body = method === "GET" ? undefined : {};
    try { await maskline[method](path, { body }); } catch {}
    counts[name] = keys.length;
    if (name === "create" && (!keys[0] || new Set(keys).size > 1)) counts.keys = keys;
  }
  told.push(counts);
}
console.log(JSON.stringify(told));
"""
)


def test_a_request_is_repeated_only_where_that_is_safe(script: Node) -> None:
    safe = {"create": 5, "update": 1, "read": 5, "replay": 1}
    every, never = dict.fromkeys(safe, 5), dict.fromkeys(safe, 1)
    cases: list[tuple[dict[str, Any], dict[str, int]]] = [
        ({"fails": "ECONNREFUSED"}, every),
        ({"fails": "ECONNRESET"}, safe),
        ({"status": 429}, every),
        ({"status": 500}, safe),
        ({"status": 403}, never),
        ({"status": 503, "code": "x", "outcome": "unknown", "after": 1}, safe),
        ({"status": 503, "code": "x", "outcome": "not_updated", "after": 1}, every),
        ({"status": 504, "code": "carrier_timeout", "outcome": "unknown"}, safe),
        ({"status": 422, "code": "x", "outcome": "not_created"}, never),
        ({"status": 503, "code": "x", "outcome": "unknown", "after": 3600}, never),
    ]

    assert json.loads(script(RETRY, [case for case, _ in cases])) == [
        expected for _, expected in cases
    ]


VERIFY = (
    READ
    + """
const told = given.map(({ body, headers, secrets, now }) => {
  try { return verify(body, headers, secrets, now); }
  catch (error) {
    if (error instanceof WebhookRefusedError) return error.message;
    throw error;
  }
});
console.log(JSON.stringify(told));
"""
)


def test_webhooks_are_verified(script: Node) -> None:
    secrets = [webhook_signing.secret_of(b"k", "acme", number) for number in (1, 2)]
    other = webhook_signing.secret_of(b"k", "other", 1)
    now = NOW
    bodies = [deliveries.payload_of(each) for each in published_events.details()[:20]]
    given: list[dict[str, Any]] = [
        {
            "body": body.decode(),
            "headers": webhook_signing.headers_for("an-id", body, secrets, now),
            "secrets": secrets[1],
            "now": now.timestamp(),
        }
        for body in bodies
    ]
    wrong: list[dict[str, Any]] = [
        {**given[0], "secrets": other},
        {**given[0], "body": given[0]["body"] + " "},
        {**given[0], "now": now.timestamp() + 301},
        {**given[0], "headers": {}},
    ]

    assert json.loads(script(VERIFY, given + wrong)) == [
        *map(json.loads, bodies),
        *("no signature fits", "no signature fits"),
        *("it was signed at another time", "it is not signed"),
    ]


# What other tools make of the document

PLAIN = """
import type { components, webhooks } from "./schema.js";
type Schemas = components["schemas"];
export const create: Schemas["CreateSession"] = {
  first_party: "+12025550100", second_party: "+12025550101",
};
export const update: Schemas["UpdateSession"] = { session_expiry: 7200 };
export const search: Schemas["Search"] = {};
export const erasure: Schemas["CreateErasure"] = { phone_number: "+12025550100" };
export const number = (answer: Schemas["SessionCreated"]): string | null =>
  answer.session.virtual_number;
export type Settled =
  webhooks["session.settled"]["post"]["requestBody"]["content"]["application/json"];
export const money = (event: Settled): string | null => event.total_session_amount;
"""


def test_types_demand_nothing_that_is_optional(package: Path) -> None:
    # With the generator's own defaults, as somebody else would use it.
    (package / "src" / "plain.ts").write_text(PLAIN)
    try:
        run(["npx", "--no-install", "tsc", "--noEmit"], package)
    finally:
        (package / "src" / "plain.ts").unlink()


def test_redocly_finds_nothing_in_the_document(package: Path) -> None:
    redocly = package / "node_modules" / ".bin" / "redocly"
    done = subprocess.run(
        [str(redocly), "lint", "--format", "json", "../../openapi.yaml"],
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
    )

    totals = json.loads(done.stdout)["totals"]
    assert totals == {"errors": 0, "warnings": 0, "ignored": 0}


AJV = """
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
const Ajv = require("ajv/dist/2020").default;
const ajv = new Ajv({ strict: false, allErrors: true });
require("ajv-formats").default(ajv);
const { document, folder, values } = JSON.parse(readFileSync(0, "utf8"));
ajv.addSchema({ $id: "openapi", ...document });
let compiled = 0;
for (const name of Object.keys(document.components.schemas)) {
  ajv.compile({ $ref: `openapi#/components/schemas/${name}` });
  compiled++;
}
for (const file of readdirSync(folder).filter((each) => each.endsWith(".json"))) {
  ajv.addSchema(JSON.parse(readFileSync(`${folder}/${file}`, "utf8")), file);
}
for (const file of readdirSync(folder).filter((each) => each.endsWith(".json"))) {
  ajv.getSchema(file);
  compiled++;
}
const refused = values.filter(([name, value]) =>
  !ajv.validate({ $ref: `openapi#/components/schemas/${name}` }, value));
console.log(JSON.stringify({ compiled, refused }));
"""


def test_ajv_compiles_every_schema(script: Node) -> None:
    examples = DOCUMENT["components"]["examples"]
    schemas = DOCUMENT["components"]["schemas"]
    values = [
        (name, each["value"]) for name, each in examples.items() if name in schemas
    ]
    given = {"document": DOCUMENT, "folder": str(EVENTS), "values": values}

    told = json.loads(script(AJV, given))
    assert told["compiled"] == len(schemas) + len(list(EVENTS.glob("*.json")))
    assert len(values) > 30
    assert told["refused"] == []


IN_JAVASCRIPT = """
import { readFileSync } from "node:fs";
const { patterns, texts } = JSON.parse(readFileSync(0, "utf8"));
const found = patterns.map((each) => {
  const pattern = new RegExp(each, "u");
  return texts.map((text) => pattern.test(text));
});
console.log(JSON.stringify(found));
"""


def test_every_pattern_means_the_same_in_javascript(script: Node) -> None:
    texts = [each for each in VALUES if isinstance(each, str)]
    found = json.loads(script(IN_JAVASCRIPT, {"patterns": PATTERNS, "texts": texts}))

    assert found == [
        [bool(re.search(pattern, text)) for text in texts] for pattern in PATTERNS
    ]


def test_what_the_readme_shows_first_runs(script: Node, stack: RunningStack) -> None:
    shown = next(
        b for b in blocks_of("clients/typescript/README.md") if b.language == "ts"
    )
    text = shown.text.replace("maskline-client", "./dist/index.js")
    text = text.replace("http://127.0.0.1:8000", stack.addresses.api_url)

    assert re.fullmatch(r"\+1\d{10}\n", script(text))
