"""Decide how a masked call goes."""
