"""Measure what design goals are stated for, as ratios that any machine shows alike."""
