"""A recording's readable measures: fluency, lexis, syntax."""
