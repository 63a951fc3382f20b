"""Simulate Plivo on one machine: masking API, calls, callbacks, recordings."""
