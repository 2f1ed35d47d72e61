"""Figures drawn from tables: notebooks, stages and the paper ask for them, nothing else does."""
