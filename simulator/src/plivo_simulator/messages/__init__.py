"""Simulate Plivo's messages: send, take, refuse, price and report texts and media."""
