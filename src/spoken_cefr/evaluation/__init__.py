"""Evaluation: what the networks' answers are worth, beside answers that hear nothing."""

from spoken_cefr.evaluation.stage import run

__all__ = ["run"]
