"""Maskline: what every function shares, in rooms.

From the top; a room may import from those below it, never the reverse, and rooms in one
line never import each other (`.importlinter` holds it, docs/architecture.md draws it):

    wiring                                        builds everything
    erasure                                       erase a person
    stream | lifecycle                            what a change sets off | sessions
    recording | webhooks | tenants | callbacks    the other use cases
    api                                           HTTP in and out
    storage                                       table, bucket, bus, queues
    plivo                                         Plivo's API and signatures
    domain                                        rules without I/O
    core                                          errors, numbers, times, keys, settings
"""
