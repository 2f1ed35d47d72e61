"""The result of the pipeline in a teacher's hands: the level of one recording."""

from spoken_cefr.prediction.command import predict

__all__ = ["predict"]
