"""Prove that every call is told as it was, whatever becomes of its callbacks.

Calls of every kind are made on a stack of its own while callbacks are dropped, doubled
(exactly, or with one attribute altered), wrong, late and out of order: `make
chaos-calls`. Sessions are then ended and settled, by a clock that runs ahead, and what
the API, the bus and the app's webhook tell is compared with the simulator's ledger.
"""
