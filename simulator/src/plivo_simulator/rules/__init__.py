"""Decide how a masked call goes, apart from HTTP, from time and from any store.

`routing` decides who is connected, `numbers` which virtual number a session gets,
`flow` the steps of a call, `accounting` its cost; `model` and `steps` define their
terms. Nothing here waits, sends or stores: the simulator drives these rules, and other
programs may. Where Plivo documents no answer, the row says `(ours)` and the choice is
the one that serves a developer best.

Who is connected (a caller dials a virtual number)

| row | caller | sessions on the number | decision |
|-----|--------|------------------------|----------|
| R1  | registered | a live one with the caller | ring the other party |
| R2  | registered | several live ones | the one with this caller; newest first |
| R3  | registered | live, PIN forced | ask for the caller's own PIN |
| R4  | any other | live, one party, no PIN | ring the one known party |
| R5  | the one known party | live, one party | ring the last caller, if any |
| R6  | any other | some live ones with PIN | ask, with the newest's prompt (ours) |
| R7  | any other, right PIN | live with PIN | act as the PIN's party: ring the other |
| R8  | any other, wrong PIN | live with PIN | nobody |
| R9  | any other | live, audio for unknown callers | play it, hang up |
| R10 | any other | live, no such audio | the call fails (3020) |
| R11 | once registered | expired; live ones only of others, no PIN | the application |
| R12 | anyone | none live | the number's application |
| R13 | withheld | any | as any other caller: R4, R6, R9, R10 or R12 |
| R14 | the party added later | live, was one party | ring the other party |
| R15 | registered | live, but moved to another number | as any other caller |

Which number a session gets

| row | asked for | number |
|-----|-----------|--------|
| N1  | anything | the first that serves, in the inventory's fixed order |
| N2  | a party with a live session on a number | another number: 2N-1 for N sessions |
| N3  | geomatch | one in first_party's country; off: any |
| N4  | geomatch with only second_party | one in second_party's country (ours) |
| N5  | subaccount | one of the sub-account's; without: never one of those |
| N6  | cool-off not over | none that an expired session of these parties still holds |
| N7  | one party, no PIN | one without another such session (ours) |
| N8  | none serves | none: pool exhausted |

How a call goes

| row | event | consequence |
|-----|-----------|-------------|
| C1  | both answer | caller's audio, ring, callee's audio, record, talk |
| C2  | callee lets it ring | leg ends after ring_timeout with 6010 |
| C3  | callee busy, or in a call | leg ends with 3010 |
| C4  | callee declines | leg ends with 3020 |
| C5  | the network says no answer | leg ends with 3000 |
| C6  | destination bad, off or barred | leg ends with 2000, 2010, 2030 |
| C7  | caller gives up while it rings | callee's leg is cancelled with 1000 |
| C8  | call_time_limit after the bridge | both legs end with 6000 |
| C9  | record | from the bridge to the end, only when both have answered |
| C10 | recording can't start | SessionRecordingFailed, the call goes on |
| C11 | request-a-call | first party is rung, then the second; both see the number |
| C12 | request-a-call, no answer | one leg, never a second |
| C13 | wrong PIN or none entered | its audio, pin_retry_wait, again: pin_retry times |
| C14 | tries used up | `failed` is reported, the call ends |
| C15 | registered caller, PIN not forced | `AuthorizedCaller` is reported, it goes on |
| C16 | expiry during a call | the call goes on (ours; a switch cuts it with 6000) |
| C17 | caller hangs up in a prompt | the call ends, nobody is rung |
| C18 | terms updated during a call | what comes later follows the new terms |
| C19 | nobody to ring | the caller's leg ends with 2000 |
| C20 | callee hangs up first | callee's end is reported first |

What ends or changes a session

| row | event | consequence |
|-----|-----------|-------------|
| S1  | expiry_time comes | nobody is connected from then on; SessionTimeout is sent |
| S2  | update with session_expiry | expiry is counted anew from now |
| S3  | DELETE | expired at once; SessionTimeout by a switch (ours) |
| S4  | its number is replaced | SessionVirtualNumberReplaced names the new one |
| S5  | a party is added | only to single-party sessions |

What it costs

| row | what | cost |
|-----|------|------|
| A1  | an answered leg | started minutes from its answer to its end, by country |
| A2  | an unanswered leg | counts as a leg, costs nothing |
| A3  | a call, a session | the sum of its legs; legs are what total_call_count counts |
| A4  | creating a session | nothing, as in every captured answer |
"""
