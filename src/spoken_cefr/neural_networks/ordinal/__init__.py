"""Ordinal logistic regression on measures."""
