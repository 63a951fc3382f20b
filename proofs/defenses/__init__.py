"""Take each defense of SECURITY.md out, in a copy: the tests that it cites must fail.

`defenses` lists what is taken out, line by line; `run` takes it out of a copy of this
folder and runs the tests there. A citation that stays green proves nothing.
"""
