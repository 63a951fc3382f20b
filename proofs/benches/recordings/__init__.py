"""Measure memory, CPU and requests of storing a recording: `make bench-recordings`."""
