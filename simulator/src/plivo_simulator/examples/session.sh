#!/bin/sh
# Talk to the simulator with curl alone: a session, a call, its end.
#
# Run it beside `python -m plivo_simulator`. PLIVO_SIMULATOR names another address.
set -eu

origin=${PLIVO_SIMULATOR:-http://127.0.0.1:8001}
account=MALOCALDEVELOPMENT00
token=not-a-secret-local-development-token-000
sessions=$origin/v1/Account/$account/Masking/Session

field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1; }

created=$(curl -fsS -u "$account:$token" -H 'Content-Type: application/json' \
  -d '{"first_party": "+12025550100", "second_party": "+12025550101"}' "$sessions/")
uuid=$(printf '%s' "$created" | field session_uuid)
number=$(printf '%s' "$created" | sed -n 's/.*"virtual_number":"\(+[0-9]*\)".*/\1/p')
echo "virtual number $number"

call=$(curl -fsS -H 'Content-Type: application/json' \
  -d "{\"from\": \"+12025550100\", \"to\": \"$number\", \"talk_seconds\": 1}" \
  "$origin/_sim/calls" | field call_uuid)
echo "call $(curl -fsS "$origin/_sim/calls/$call?wait=10" | field outcome)"

echo "$(curl -fsS -u "$account:$token" -X DELETE "$sessions/$uuid/" | field message)"
