"""Stage 3: from arrays to models and predictions."""

from spoken_cefr.neural_networks.stage import run

__all__ = ["run"]
