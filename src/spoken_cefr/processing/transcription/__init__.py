"""Speech to text with word times, and guards against invented text."""
