"""Draw the dashboard of the template, by its own definition, with data of a run.

- `definition`: its widgets, with the names that resources have in a stack
- `drawing`: the picture
- `run`: what is done meanwhile, so that there is something to see
"""
