"""Prove that creates, updates and deletes happen exactly once: `make chaos`.

Clients send requests through a stack of its own while faults strike one request to
Plivo in five and function processes are killed. Afterwards the simulator's ledger and
the clients' log are compared: what was answered must have happened.

- `plan`: who asks for what: distinct pairs, bodies, kinds of requests
- `clients`: send each request, again with the same key where it helps, and log it
- `fast_forward`: end leases without waiting for them, for a small run
- `checks`, `comparison`: the rules over ledger, log and both sides' sessions
- `run`: one run from start to report
"""
