"""What a model of the level must offer, and any trained run as such a model."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field
from spacy.tokens import Doc

from spoken_cefr.config import Config, load_config
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError
from spoken_cefr.measures.crops import words_in
from spoken_cefr.measures.doubt import mark_doubtful
from spoken_cefr.measures.pipeline import nlp_of
from spoken_cefr.measures.table import measure_recording, measures_of
from spoken_cefr.neural_networks.bundle import SETTINGS
from spoken_cefr.neural_networks.embeddings.speech import (
    SpeechEncoder,
    build_speech_encoder,
    embed_signal,
)
from spoken_cefr.neural_networks.embeddings.text import (
    TextEncoder,
    embed_texts,
    load_text_encoder,
)
from spoken_cefr.neural_networks.saved import CONFIG, RunModel, checked
from spoken_cefr.neural_networks.training.examples import middle_starts
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.prediction.windows import TimeWindow, time_windows
from spoken_cefr.processing.audio import log_mel, segment
from spoken_cefr.processing.decoding import SAMPLE_RATE, load_audio
from spoken_cefr.processing.segments import segment_table
from spoken_cefr.processing.transcription.words import Word

Quartiles = Annotated[list[float], Field(min_length=3, max_length=3)]


class SettingsOfCard(BaseModel, strict=True):
    """How the transcripts were made; the other values are checked as a profile's, when used."""

    model: Annotated[str, Field(alias="processing.model", min_length=1)]
    compute_type: Annotated[Literal["int8", "float32"], Field(alias="processing.compute_type")]


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


@dataclass(frozen=True)
class Card:
    """What a user must know of the model behind a result.

    Parameters
    ----------
    kind : str
        What it reads and how it is built, such as ``measures_ordinal``.
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
    n_speakers : int, optional
        How many speakers it has learned from; None where it has heard none, or its card
        does not say.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    language: str
    trained_on: str
    notice: str
    version: str
    synthetic: bool = False
    n_speakers: int | None = None


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


def card_of(saved: RunModel) -> Card:
    """What a user must know of a saved model.

    Raises
    ------
    InputError
        If its ``config.json`` lacks what a prediction needs, or it is of a
        language in which nothing can be measured.
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


def transcription_of(saved: RunModel) -> dict[str, Any]:
    """The model and the compute type of Whisper that the training transcripts are by."""
    settings = saved.card["settings"]
    return {name: settings[f"processing.{name}"] for name in ("model", "compute_type")}


class TrainedRun:
    """Any run of the table as a `LevelModel`: networks, ordinal regression, fusion.

    Raises
    ------
    InputError
        If the card lacks what a prediction needs, or is of other measures than this
        version computes.
    """

    def __init__(self, saved: RunModel) -> None:
        self.card = card_of(saved)
        self.ranges = saved.card["ranges"]
        self.transcription = transcription_of(saved)
        self._saved, self._names = saved, saved.card["measures"]
        if self._names not in ([], [measure.name for measure in measures_of(self.card.language)]):
            raise InputError(
                f"{saved.folder / CONFIG} is of other measures than this version computes here: "
                "run the stage neural_networks again, with the spaCy packages of this machine"
            )

    def rate(self, heard: Heard, doc: Doc, measures: Mapping[str, float]) -> Rating:
        """See `LevelModel`."""
        segments, rows = None, None
        if self._saved.card["inputs"] != "measures" or self._saved.card["crop_segments"]:
            segments = self._segments(heard)
        if self._saved.card["inputs"] != "measures":
            rows = self._read(heard, segments)
        if self._saved.card["crop_segments"] and self._names:
            measures = crop_measures(heard, segments, self._saved.card)
        row = self._row(measures)
        parts = []
        for window in time_windows(doc, heard.transcript.words, heard.duration_s):
            inside = None if rows is None else rows[_inside(segments, window)]
            if inside is None or len(inside):
                told = self._row(window.measures()) if self._names else row
                answer = self._saved.of_recording(inside, told)
                parts.append(Part(window.start_s, window.end_s, answer))
        answer = self._saved.of_recording(rows, row)
        return Rating(answer, parts, self._contributions(rows, row, answer))

    def _row(self, measures: Mapping[str, float]) -> np.ndarray:
        return np.array([measures[name] for name in self._names], dtype=np.float64)

    def _contributions(
        self, rows: np.ndarray | None, row: np.ndarray, answer: np.ndarray
    ) -> dict[str, float]:
        """By how many levels the mean level would differ, were one measure not there.

        The model then takes the middle of its training recordings in its place.
        """
        levels = np.arange(1, len(answer) + 1)
        pushes = {}
        for i, name in enumerate(self._names):
            without = row.copy()
            without[i] = np.nan
            mean = self._saved.of_recording(rows, without) @ levels
            pushes[name] = float(answer @ levels - mean)
        return pushes

    def _segments(self, heard: Heard) -> pd.DataFrame:
        """The recording's segments as processing cuts them: start_s, end_s, text."""
        p = self._config.processing
        n_samples = round(len(heard.signal) * p.sample_rate / SAMPLE_RATE)
        recording = {"recording_id": "", "speaker_id": "", "level": "", "n_samples": n_samples}
        words = pd.DataFrame(heard.transcript.words, columns=Word._fields)
        return segment_table(
            pd.DataFrame([recording]),
            words.assign(recording_id=""),
            sample_rate=p.sample_rate,
            length_s=p.segment_s,
            overlap=p.overlap,
        )

    def _read(self, heard: Heard, segments: pd.DataFrame) -> np.ndarray:
        """What the network reads of each segment, as `neural_networks.inputs` makes it."""
        inputs = self._saved.card["inputs"]
        if inputs in ("image", "log_mel"):
            return spectrograms(heard, self._config)
        rows = []
        if inputs in ("speech_embedding", "fusion"):
            times = segments["start_s"].to_numpy(), segments["end_s"].to_numpy()
            rows.append(embed_signal(heard.signal, *times, encoder=self._speech_encoder))
        if inputs in ("text_embedding", "fusion"):
            rows.append(embed_texts(segments["text"], encoder=self._text_encoder))
        return np.concatenate(rows, axis=1)

    @functools.cached_property
    def _config(self) -> Config:
        """A profile that processes as that of the training did."""
        settings, path = self._saved.card["settings"], self._saved.folder / CONFIG
        missing = [key for key in SETTINGS if key not in settings]
        if missing:
            raise InputError(f"{path}: settings lack {missing[0]!r}")
        told = [f"{key}={json.dumps(settings[key])}" for key in SETTINGS]
        told.append(f"scraping.language={json.dumps(self.card.language)}")
        try:
            return load_config("demo", ["arithmetic=fast", *told])
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    @functools.cached_property
    def _speech_encoder(self) -> SpeechEncoder:
        return build_speech_encoder(self._config)

    @functools.cached_property
    def _text_encoder(self) -> TextEncoder:
        return load_text_encoder(self._config.neural_networks.text_encoder)


def spectrograms(heard: Heard, config: Config) -> np.ndarray:
    """Log-mel spectrograms of the segments, (n, n_mels, n_frames), without added noise."""
    p = config.processing
    signal = heard.signal
    if p.sample_rate != SAMPLE_RATE:
        n_samples = round(len(signal) * p.sample_rate / SAMPLE_RATE)
        signal = heard.cut(load_audio(heard.path, sample_rate=p.sample_rate), p.sample_rate)
        signal = np.pad(signal, (0, max(0, n_samples - len(signal))))[:n_samples]
    return log_mel(
        segment(signal, p.sample_rate, length_s=p.segment_s, overlap=p.overlap),
        p.sample_rate,
        n_fft=p.n_fft,
        hop_length=p.hop_length,
        n_mels=p.n_mels,
        segment_window=p.segment_window,
    )


def crop_measures(heard: Heard, segments: pd.DataFrame, card: Mapping) -> dict[str, float]:
    """Measures of the words wholly inside the middle segments of a card's crop."""
    crop, nlp = card["crop_segments"], nlp_of(card["language"])
    first = int(middle_starts(np.array([len(segments)]), crop)[0])
    last = first + min(len(segments), crop) - 1
    start_s, end_s = float(segments["start_s"].iloc[first]), float(segments["end_s"].iloc[last])
    words = pd.DataFrame(heard.transcript.words, columns=Word._fields)
    words = words.assign(recording_id="", word_index=range(len(words)))
    inside = words_in(words, ("", start_s, end_s))
    text = " ".join(word.word for word in inside)
    doc = mark_doubtful(nlp(text), inside)
    return measure_recording(inside, text, duration_s=end_s - start_s, doc=doc)


def _inside(segments: pd.DataFrame, window: TimeWindow) -> np.ndarray:
    """Which segments have their middle in a window."""
    middles = (segments["start_s"] + segments["end_s"]).to_numpy() / 2
    return (middles >= window.start_s) & (middles < window.end_s)
