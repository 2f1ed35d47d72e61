"""Vectors of speech and of text that networks read in place of the recording."""
