"""How good answers are, with intervals over speakers."""
