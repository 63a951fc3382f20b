"""Prove what the service promises by trying to break it.

    python -m proofs creates|recordings|calls_chaos|attack|alarms|dashboard|units|bench

Each proof runs on a stack of its own and ends in one report: what was checked, how
often, and every case that failed.

- `runner`: start the stack, run workers, print progress, return the exit status
- `report`: checks, counts and tables, for a terminal or as JSON
- `faults`: which faults strike when, and which function processes are killed
- `http_listener`: an HTTP server that records requests and answers as configured
- `harness`: use a running stack: clients, table, functions, queues

- `creates`: creates, updates and deletes happen exactly once
- `recordings`: no recording is lost, stored twice or silently given up
- `calls_chaos`: each call is told as it was, whatever becomes of its callbacks
- `attack`: bad requests are refused, and no number or key comes out
- `alarms`: whatever is broken rings its alarm, and no other
- `dashboard`: the template's dashboard is drawn, and every graph shows something
- `units`: each operation stays within its budget of request units
- `benches`: what it takes, measured beside simpler ways; `plots` draws it
"""
