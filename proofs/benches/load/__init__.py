"""Measure latency and loss at rising rates, and past the limit: `make bench ONLY=load`.

- `arrivals`: send at times that are set beforehand, whatever becomes of what was sent
- `processes`: the processor time of the stack's parts
- `empty_function`: a handler that does nothing, beside ours
- `journeys`: what an app and its users do with a session, and whether all of it is true
- `run`: all of it, at rising rates
"""
