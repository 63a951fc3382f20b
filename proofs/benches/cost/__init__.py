"""Count what a session takes and price it: `make bench ONLY=cost`, docs/cost.md.

- `workload`: play sessions on a stack, and count what AWS would bill
- `prices`: list prices, with where and when they were read
- `model`: dollars for a million sessions, item by item, and of other designs
- `scale`: what a hundred million sessions a year need, and what breaks first
- `run`: all of it, as a report
"""
