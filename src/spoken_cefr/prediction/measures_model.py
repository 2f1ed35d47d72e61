"""The level by ordinal regression on a recording's measures: a model that says why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from spacy.tokens import Doc

from spoken_cefr.errors import InputError
from spoken_cefr.measures.table import MEASURES, measure_recording
from spoken_cefr.neural_networks.ordinal.regression import OrdinalRegression
from spoken_cefr.prediction.bundle import ARRAYS, CONFIG, Bundle
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.prediction.models import Part, Rating
from spoken_cefr.prediction.rare_words import word_places
from spoken_cefr.processing.transcription.words import Word

WINDOW_S = 20.0  # of the level along time: about 50 words
STEP_S = 10.0
MIN_WINDOW_WORDS = 10


class MeasuresModel:
    """`models.LevelModel` of kind ``measures_ordinal``.

    Parameters
    ----------
    names : sequence of str
        The measures that it looks at, in the order of the regression's columns.
    medians : np.ndarray, shape (n_measures,)
        Of the training recordings; they stand in for what is undefined.
    """

    kind = "measures_ordinal"

    def __init__(
        self,
        bundle: Bundle,
        regression: OrdinalRegression,
        *,
        names: Sequence[str],
        medians: np.ndarray,
    ) -> None:
        self.card = bundle.card()
        self.ranges = bundle.config["ranges"]
        self.transcription = bundle.config["transcription"]
        self.regression = regression
        self._names = names
        self._medians = medians

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "MeasuresModel":
        """Take the model out of a bundle.

        Raises
        ------
        InputError
            If the bundle's measures are not those of this version, or an array
            is missing or of another shape.
        """
        names = bundle.config.get("measures")
        if names != [measure.name for measure in MEASURES]:
            raise InputError(
                f"{bundle.folder / CONFIG} is of other measures than this version computes: "
                "make the bundle again"
            )
        medians = bundle.array("medians", (len(names),))
        prefix = "regression."
        state = {
            name.removeprefix(prefix): array
            for name, array in bundle.arrays.items()
            if name.startswith(prefix)
        }
        try:
            regression = OrdinalRegression.from_state(state)
            shape = regression.predict_proba(medians[None, :]).shape
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"{bundle.folder / ARRAYS} holds no regression ({error})") from None
        if shape != (1, len(bundle.config["classes"])):
            raise InputError(
                f"{bundle.folder / ARRAYS} has {shape[1]} classes, {CONFIG} "
                f"{len(bundle.config['classes'])}: make the bundle again"
            )
        return cls(bundle, regression, names=names, medians=medians)

    def rate(self, heard: Heard, doc: Doc, measures: Mapping[str, float]) -> Rating:
        """See `models.LevelModel`."""
        row = self._row(measures)
        windows = list(text_windows(doc, heard.transcript.words, heard.duration_s))
        rows = [row, *(self._row(window.measures()) for window in windows)]
        probabilities = self.regression.predict_proba(np.stack(rows))
        parts = [
            Part(window.start_s, window.end_s, p)
            for window, p in zip(windows, probabilities[1:], strict=True)
        ]
        return Rating(probabilities[0], parts, self._contributions(row))

    def _row(self, measures: Mapping[str, float]) -> np.ndarray:
        row = np.array([measures[name] for name in self._names], dtype=np.float64)
        return np.where(np.isfinite(row), row, self._medians)

    def _contributions(self, row: np.ndarray) -> dict[str, float]:
        """By how many levels the mean level would differ, were one measure at its median."""
        without = np.tile(row, (len(row), 1))
        np.fill_diagonal(without, self._medians)
        probabilities = self.regression.predict_proba(np.vstack([row, without]))
        means = probabilities @ np.arange(1, probabilities.shape[1] + 1)
        return dict(zip(self._names, means[0] - means[1:], strict=True))


@dataclass(frozen=True)
class TextWindow:
    """A stretch of a recording with its words and the part of the parse that is theirs."""

    start_s: float
    end_s: float
    words: list[Word]
    doc: Doc

    def measures(self) -> dict[str, float]:
        """The measures of this stretch as if it were a recording of its own."""
        moved = [
            Word(word.word, word.start_s - self.start_s, word.end_s - self.start_s)
            for word in self.words
        ]
        return measure_recording(
            moved, self.doc.text, duration_s=self.end_s - self.start_s, doc=self.doc
        )


def text_windows(doc: Doc, words: Sequence[Word], duration_s: float) -> Iterator[TextWindow]:
    """Overlapping stretches of about 20 s, at word boundaries; those with few words are left out.

    A word belongs to a stretch in which its middle lies.
    """
    last_start = max(0.0, duration_s - WINDOW_S)
    starts = np.linspace(0.0, last_start, 1 + int(np.ceil(last_start / STEP_S)))
    places = word_places(doc.text, words)
    middles = np.array([(word.start_s + word.end_s) / 2 for word in words])
    for start in starts:
        end = min(start + WINDOW_S, duration_s)
        inside = [int(i) for i in np.flatnonzero((middles >= start) & (middles < end))]
        inside = [i for i in inside if i in places]
        if len(inside) < MIN_WINDOW_WORDS:
            continue
        said = [words[i] for i in inside]
        span = doc.char_span(places[inside[0]][0], places[inside[-1]][1], alignment_mode="expand")
        # A word may reach over the window's edge.
        low, high = min(start, said[0].start_s), max(end, said[-1].end_s)
        yield TextWindow(float(low), float(high), said, span.as_doc())
