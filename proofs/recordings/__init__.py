"""Prove that no recording is lost, stored twice or given up silently.

Calls are made on a stack of its own while every kind of fault is aimed at their
recordings: `make chaos-recordings`. Recordings that never come are given up after
seconds instead of two hours; the template has a parameter for that.
"""
