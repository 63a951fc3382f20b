// Point Plivo's Node SDK at the simulator: a session, a call, its end.
//
// Run it beside `python -m plivo_simulator`, in a folder where `npm install plivo` was run.
// PLIVO_SIMULATOR names another address.
"use strict";

const axios = require("axios");
const plivo = require("plivo");

const ORIGIN = process.env.PLIVO_SIMULATOR || "http://127.0.0.1:8001";
const AUTH_ID = "MALOCALDEVELOPMENT00";
const AUTH_TOKEN = "not-a-secret-local-development-token-000";

// The SDK's address for voice requests is fixed. It sends them by instances of axios
// of its own, and what these have in common is the default adapter.
const send = axios.getAdapter("http");
axios.defaults.adapter = (request) => {
  const url = request.url.replace("https://api.plivo.com", ORIGIN);
  return send({ ...request, url });
};

async function main() {
  const client = new plivo.Client(AUTH_ID, AUTH_TOKEN);
  const session = await client.maskingSession.createMaskingSession(
    "+12025550100",
    "+12025550101",
    { record: true },
  );
  console.log("virtual number", session.virtualNumber);

  const placed = await axios.post(`${ORIGIN}/_sim/calls`, {
    from: "+12025550100",
    to: session.virtualNumber,
    talk_seconds: 1,
  });
  const call = await axios.get(
    `${ORIGIN}/_sim/calls/${placed.data.call_uuid}?wait=10`,
  );
  console.log("call", call.data.outcome);

  const after = await client.maskingSession.getMaskingSession(session.sessionUuid);
  console.log(
    "legs",
    after.response.totalCallCount,
    "cost",
    after.response.totalCallAmount,
  );
  const deleted = await client.maskingSession.deleteMaskingSession(session.sessionUuid);
  console.log(deleted.message);
}

main().catch((problem) => {
  console.error(problem);
  process.exitCode = 1;
});
