"""What a model of the level must offer, whatever it looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from spacy.tokens import Doc

from spoken_cefr.prediction.listening import Heard


@dataclass(frozen=True)
class Card:
    """What a user must know of the model behind a result.

    Parameters
    ----------
    classes : tuple of str
        The levels that it tells apart, ascending.
    language : str
        Code of the language of its training data (see `languages`).
    trained_on : str
        One sentence.
    notice : str
        What must stand beside every result; "" where nothing must.
    synthetic : bool
        Whether it has learned from machine-spoken recordings.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    language: str
    trained_on: str
    notice: str
    version: str
    synthetic: bool = False


@dataclass(frozen=True)
class Part:
    """Probabilities of the levels in one stretch of a recording."""

    start_s: float
    end_s: float
    probabilities: np.ndarray  # (n_classes,)


@dataclass(frozen=True)
class Rating:
    """What a model says of one recording.

    Parameters
    ----------
    probabilities : np.ndarray, shape (n_classes,), float64
        Adding up to 1.
    timeline : list of Part
        In order of time.
    contributions : dict
        By measure: by about how many levels it pushes the result up (below 0: down),
        against the middle of the training corpus.
    word_vectors : float, optional
        The same of the words themselves, where the model looks at their vectors.
    """

    probabilities: np.ndarray
    timeline: list[Part]
    contributions: dict[str, float] = field(default_factory=dict)
    word_vectors: float | None = None


class LevelModel(Protocol):
    """A model of the level of a recording."""

    card: Card
    # By measure and level: 25th percentile, median, 75th percentile in the training corpus.
    ranges: Mapping[str, Mapping[str, tuple[float, float, float]]]
    transcription: Mapping[str, Any]  # model and compute_type of Whisper it was trained with

    def rate(self, heard: Heard, doc: Doc, measures: Mapping[str, float]) -> Rating:
        """Rate a recording in which words were heard; ``doc`` is the parse of its text."""
