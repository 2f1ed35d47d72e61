"""Networks: what reads a segment, what reads a recording, and what their outputs mean."""
