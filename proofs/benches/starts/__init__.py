"""Cold starts: what ships, in a process of its own, beside simpler and richer ways."""
