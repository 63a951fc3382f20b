"""Prove promises by trying to break them: chaos, attacks, costs, benches."""
