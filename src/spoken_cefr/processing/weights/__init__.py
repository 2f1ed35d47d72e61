"""Whisper's weights: packaged, checked, and in the form that each engine reads."""
