"""Any trained run as a model of the level: networks, ordinal regression, fusion."""

from __future__ import annotations  # spaCy is only named here: its import takes 1.5 s

import functools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spoken_cefr.config import Config, load_config
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
from spoken_cefr.neural_networks.saved import CONFIG, RunModel
from spoken_cefr.neural_networks.training.examples import middle_starts
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.prediction.models import LevelModel, Part, Rating
from spoken_cefr.prediction.windows import TimeWindow, time_windows
from spoken_cefr.processing.audio import log_mel, segment
from spoken_cefr.processing.decoding import SAMPLE_RATE, load_audio
from spoken_cefr.processing.segments import segment_table
from spoken_cefr.processing.transcription.words import Word

if TYPE_CHECKING:
    from spacy.tokens import Doc


class TrainedRun(LevelModel):
    """Any run of the table: networks, ordinal regression, fusion.

    InputError as `LevelModel`, or if it is of other measures than this version computes.
    """

    def __init__(self, saved: RunModel) -> None:
        super().__init__(saved)
        self._saved, self._names = saved, saved.card["measures"]
        if self._names not in ([], [measure.name for measure in measures_of(self.card.language)]):
            raise InputError(
                f"{saved.folder / CONFIG} is of other measures than this version computes here: "
                "run the stage neural_networks again, with the spaCy packages of this machine"
            )

    def rate(self, heard: Heard, doc: Doc, measures: Mapping[str, float]) -> Rating:
        """See `models.LevelModel`."""
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
    inside = words_in(heard.transcript.words, start_s, end_s)
    text = " ".join(word.word for word in inside)
    doc = mark_doubtful(nlp(text), inside)
    return measure_recording(inside, text, duration_s=end_s - start_s, doc=doc)


def _inside(segments: pd.DataFrame, window: TimeWindow) -> np.ndarray:
    """Which segments have their middle in a window."""
    middles = (segments["start_s"] + segments["end_s"]).to_numpy() / 2
    return (middles >= window.start_s) & (middles < window.end_s)
