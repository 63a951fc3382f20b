"""Measure that nothing costs more in a long session, or beside many others.

- `histories`: a session of so many calls in a table of its own, and what is done in it
- `designs`: two ways that it is often done, for comparison
- `stream_filter`: which changes of the table invoke a function
- `run`: measure all three at growing sizes, and compare
"""
