"""Change the rules a little, one place at a time: some test must notice each change.

`generate` makes the mutants (with cosmic-ray, in an environment of its own); `run` runs
the tests that cover a changed line, in a copy of this folder, and lists the survivors.
"""
