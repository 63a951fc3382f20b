// Point Plivo's Node SDK at the simulator: send a message and look it up.
//
// Run it beside `python -m plivo_simulator`, in a folder where `npm install plivo` was run.
// PLIVO_SIMULATOR names another address.
"use strict";

const axios = require("axios");
const plivo = require("plivo");

const ORIGIN = process.env.PLIVO_SIMULATOR || "http://127.0.0.1:8001";
const AUTH_ID = "MALOCALDEVELOPMENT00";
const AUTH_TOKEN = "not-a-secret-local-development-token-000";

// The SDK's address is fixed. It sends by instances of axios of its own, and what these
// have in common is the default adapter.
const send = axios.getAdapter("http");
axios.defaults.adapter = (request) => {
  const url = request.url.replace("https://api.plivo.com", ORIGIN);
  return send({ ...request, url });
};

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function main() {
  const client = new plivo.Client(AUTH_ID, AUTH_TOKEN);
  const sent = await client.messages.create(
    "+12025550180",
    "+12025550100",
    "Your table is ready.",
  );
  console.log(sent.message);

  const [uuid] = sent.messageUuid;
  let message = await client.messages.get(uuid);
  while (["queued", "sent"].includes(message.messageState)) {
    await pause(200);
    message = await client.messages.get(uuid);
  }
  console.log(message.messageState, "units", message.units, "cost", message.totalAmount);

  const found = await client.messages.list({ to_number: "12025550100" });
  console.log("listed", found.length === 1 && found[0].messageUuid === uuid);
}

main().catch((problem) => {
  console.error(problem);
  process.exitCode = 1;
});
