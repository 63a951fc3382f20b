"""Prove exactly-once under faults: `make chaos` (N=2000 by default).

Clients create, update and delete sessions through a stack of its own while the
simulator fails one request in five and handler processes are killed. Afterwards the
simulator's ledger and the clients' log are compared: what was answered must be so.

- `plan`: who asks for what: distinct pairs, bodies, kinds of requests
- `traffic`: send each request, again by the same key when told so, and log it
- `storm`: which fault strikes how often, so that all strike equally often
- `killer`: end processes of functions in the middle of their work
- `hurry`: end leases without waiting for them, for a run in a test
- `verdict`, `comparison`: the rules, over ledger, log and both sides' sessions
- `course`: one run from start to verdict
"""
