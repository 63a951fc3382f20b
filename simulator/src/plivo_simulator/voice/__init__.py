"""Carry out Plivo's Voice XML: read documents, run the legs that they are about.

Nothing here knows of masking, and `plivo_simulator.rules` knows nothing of XML.
"""
