"""Measure what storing a recording takes: `make bench ONLY=recordings`."""
