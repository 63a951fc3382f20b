"""Measure what storing a recording takes beside simpler ways of moving its bytes."""
