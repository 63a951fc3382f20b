// Make calls by Plivo's Node SDK at the simulator: hang one up, transfer another.
//
// Run it beside `python -m plivo_simulator`, in a folder where `npm install plivo` was run.
// PLIVO_SIMULATOR names another address. The application that answers is in this process.
"use strict";

const axios = require("axios");
const http = require("http");
const plivo = require("plivo");

const ORIGIN = process.env.PLIVO_SIMULATOR || "http://127.0.0.1:8001";

// The SDK's address for voice requests is fixed. It sends them by instances of axios
// of its own, and what these have in common is the default adapter.
const send = axios.getAdapter("http");
axios.defaults.adapter = (request) => {
  const url = request.url.replace("https://api.plivo.com", ORIGIN);
  return send({ ...request, url });
};

const PAGES = {
  "/hold": "<Speak>Please hold.</Speak><Wait length='600'/>",
  "/bye": "<Speak>Goodbye.</Speak>",
};

const server = http.createServer((request, response) => {
  response.writeHead(200, { "content-type": "application/xml" });
  response.end(`<Response>${PAGES[request.url]}</Response>`);
});

async function until(found) {
  for (let turn = 0; turn < 400; turn += 1) {
    const value = await found().catch(() => null);
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("waited for too long");
}

async function main() {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const app = `http://127.0.0.1:${server.address().port}`;
  const client = new plivo.Client(
    "MALOCALDEVELOPMENT00", "not-a-secret-local-development-token-000",
  );
  const answered = (id) => until(async () => {
    const call = await client.calls.getLiveCall(id);
    return call.callStatus === "in-progress" && call;
  });
  const ended = (id) => until(async () => {
    const call = await client.calls.get(id);
    return call.endTime && call;
  });

  const first = await client.calls.create("+12025550180", "+12025550101", `${app}/hold`);
  console.log(first.message);
  await answered(first.requestUuid);
  await client.calls.hangup(first.requestUuid);
  console.log("hung up by", (await ended(first.requestUuid)).hangupSource);

  const second = await client.calls.create("+12025550180", "+12025550102", `${app}/hold`);
  await answered(second.requestUuid);
  const moved = await client.calls.transfer(
    second.requestUuid, { legs: "aleg", alegUrl: `${app}/bye` },
  );
  console.log(moved.message);
  console.log("ended:", (await ended(second.requestUuid)).hangupCauseName);
}

main().catch((problem) => {
  console.error(problem);
  process.exitCode = 1;
}).finally(() => server.close());
