"""From audio files to segments: spectrograms, transcripts, word times."""

from spoken_cefr.processing.stage import run

__all__ = ["run"]
