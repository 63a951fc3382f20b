"""Measure beside simpler ways, as ratios that any machine shows alike: `make bench`."""
