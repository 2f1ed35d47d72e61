"""From the results to ``paper.pdf`` and the model card, and what of them is kept in git."""
