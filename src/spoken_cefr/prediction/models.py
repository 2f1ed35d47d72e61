"""What a model of the level must offer, and what a user must know of it."""

from __future__ import annotations  # spaCy is only named here: its import takes 1.5 s

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError
from spoken_cefr.measures.table import Measure
from spoken_cefr.neural_networks.saved import CONFIG, RunModel, checked
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.prediction.verdict import UNMEASURED, Calibration

if TYPE_CHECKING:
    from spacy.tokens import Doc

# Told beside the measures and no part of them: they are the same however long a recording is.
LENGTH = Measure("speech_time", "s", "length", "from the first word to the last", "")
Quartiles = Annotated[list[float], Field(min_length=3, max_length=3)]


class SettingsOfCard(BaseModel, strict=True):
    """How the transcripts were made; the other values are checked as a profile's, when used."""

    model: Annotated[str, Field(alias="processing.model", min_length=1)]
    compute_type: Annotated[Literal["int8", "float32"], Field(alias="processing.compute_type")]


class SureOfCard(BaseModel, strict=True):
    """What `verdict.Calibration` holds."""

    share: Annotated[float, Field(ge=0, le=1)]
    least: Annotated[float, Field(ge=0, lt=1)]


class CardOfPrediction(BaseModel, strict=True):
    """The keys that `predict` needs of a card beside those that load the model."""

    name: str
    profile: str = ""
    inputs: Literal[
        "text", "measures", "image", "log_mel", "speech_embedding", "text_embedding", "fusion"
    ]
    language: str
    trained_on: str
    notice: str
    version: str
    synthetic: bool
    settings: SettingsOfCard
    ranges: dict[str, dict[str, Quartiles]]
    sure: SureOfCard | None = None


@dataclass(frozen=True)
class Card:
    """What a user must know of the model behind a result."""

    name: str
    kind: str  # what it reads and how it is built, such as ``measures_ordinal``
    classes: tuple[str, ...]  # the levels that it tells apart, ascending
    language: str  # code of that of its training data
    trained_on: str  # one sentence
    notice: str  # what must stand beside every result; "" where nothing must
    version: str
    synthetic: bool = False  # whether it has learned from machine-spoken recordings
    n_speakers: int | None = None  # None where it has heard none, or its card does not say


@dataclass(frozen=True)
class Part:
    """Probabilities of the levels in one stretch of a recording."""

    start_s: float
    end_s: float
    probabilities: np.ndarray  # (n_classes,)


@dataclass(frozen=True)
class Rating:
    """What a model says of one recording.

    ``contributions`` say of each measure by about how many levels it pushes the result up (below
    0: down), against the middle of the training corpus; ``word_vectors`` the same of the words
    themselves, where the model looks at their vectors.
    """

    probabilities: np.ndarray  # (n_classes,), float64, adding up to 1
    timeline: list[Part]  # in order of time
    contributions: dict[str, float] = field(default_factory=dict)
    word_vectors: float | None = None


def card_of(saved: RunModel) -> Card:
    """What a user must know of a saved model.

    InputError if its ``config.json`` lacks what a prediction needs, or it is of a language in
    which nothing can be measured.
    """
    card, path = saved.card, saved.folder / CONFIG
    checked(card, CardOfPrediction, path)
    try:
        find_language(card["language"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    profile = f", profile {card['profile']}" if card.get("profile") else ""
    told = ("language", "trained_on", "notice", "version", "synthetic")
    return Card(
        name=card["name"] + profile,
        kind=f"{card['inputs']}_{card['architecture']}",
        classes=saved.classes,
        n_speakers=card.get("n_speakers"),
        **{name: card[name] for name in told},
    )


class LevelModel(ABC):
    """A saved model of the level of a recording.

    ``ranges`` has by measure and level the quartiles of the training corpus, ``transcription`` the
    model and the compute type of Whisper that its transcripts are by. ``calibration`` says which
    levels are likely and when one is given, as the card has measured it, if it has. InputError as
    `card_of`.
    """

    def __init__(self, saved: RunModel) -> None:
        self.card = card_of(saved)
        self.ranges: Mapping[str, Mapping[str, list[float]]] = saved.card["ranges"]
        sure, settings = saved.card.get("sure"), saved.card["settings"]
        self.calibration = Calibration(sure["share"], sure["least"]) if sure else UNMEASURED
        names = ("model", "compute_type")
        self.transcription = {name: settings[f"processing.{name}"] for name in names}

    @abstractmethod
    def rate(self, heard: Heard, doc: Doc, measures: Mapping[str, float]) -> Rating:
        """Rate a recording in which words were heard; ``doc`` is the parse of its text."""
