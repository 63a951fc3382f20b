"""Calls of spoilt histories: a model of true ones, a channel, the rules that hold."""
