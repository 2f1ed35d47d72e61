"""The level by the transcript alone: measures of lexis and syntax, and word vectors.

A text is cut in windows of about 50 words, each gets a place on the scale of the
levels, and the text gets their mean: a long transcript is not harder for being long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from spacy.tokens import Doc

from spoken_cefr.corpus.levels import interpolated_median
from spoken_cefr.errors import InputError
from spoken_cefr.measures.pipeline import load_nlp, vectors_width
from spoken_cefr.measures.table import TEXT_MEASURES, text_measures
from spoken_cefr.neural_networks.embeddings.text import mean_vector
from spoken_cefr.neural_networks.ordinal import OrdinalRegression
from spoken_cefr.neural_networks.saved import CONFIG, WEIGHTS, RunModel
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.prediction.models import Part, Rating, card_of, transcription_of
from spoken_cefr.prediction.windows import text_windows, word_places

INPUTS = "text"  # of a card
# Not looked at: the first needs 20 words, the second hangs on the commas of a transcript.
LEFT_OUT = ("type_token_ratio", "dependency_distance")
MEASURE_NAMES: tuple[str, ...] = tuple(name for name in TEXT_MEASURES if name not in LEFT_OUT)


@dataclass(frozen=True)
class TextUnit:
    """One window of a text and what the model says of it."""

    start_char: int
    end_char: int
    probabilities: np.ndarray  # (n_classes,)


@dataclass(frozen=True)
class TextLevel:
    """The level of a text.

    Parameters
    ----------
    probabilities : np.ndarray, shape (n_classes,), float64
        Adding up to 1.
    score : float
        Decimal level (see `levels.interpolated_median`): 3.4 is B1.4.
    units : list of TextUnit
        In order of the text.
    contributions : dict
        By measure: how far it moves the text up (below 0: down) on the model's
        logit scale, against its median in the training texts.
    word_vectors : float
        How far the mean word vector moves it, against that of the training texts.
    """

    probabilities: np.ndarray
    score: float
    units: list[TextUnit]
    contributions: dict[str, float]
    word_vectors: float


def text_inputs(docs: Sequence[Doc]) -> np.ndarray:
    """Columns of the regression: measures (NaN where undefined), then the mean word vector.

    Returns
    -------
    np.ndarray, shape (n_docs, n_measures + n_dimensions), float64
        The vector has length 1: its own length depends on how many words there are.
    """
    measured = [text_measures(doc) for doc in docs]
    measures = np.array([[values[name] for name in MEASURE_NAMES] for values in measured])
    vectors = np.array([mean_vector(doc) for doc in docs], dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.hstack([measures, vectors / np.where(lengths > 0, lengths, 1.0)])


def middle(model: OrdinalRegression) -> np.ndarray:
    """A text in the middle of the training texts: medians, mean vector. -> (n_inputs,)"""
    n = len(MEASURE_NAMES)
    return np.concatenate([model.medians[:n], model.means[n:]])


def level_of_text(text: str, *, model: OrdinalRegression, doc: Doc | None = None) -> TextLevel:
    """Rate a text.

    Parameters
    ----------
    text : str
        Such as a transcript; punctuation and case matter little.
    doc : Doc, optional
        Its parse, if there is one already.

    Raises
    ------
    InputError
        If the text holds no word.
    """
    doc = load_nlp()(text) if doc is None else doc
    spans = text_windows(doc)
    if not spans:
        raise InputError("the text holds no word: there is no level to tell")
    inputs = text_inputs([span.as_doc() for span in spans])
    places = model.decision(inputs)
    n_words = np.array([sum(any(map(str.isalnum, t.text)) for t in span) for span in spans])
    # The mean over windows, each weighing as much as it has words.
    weights = np.maximum(n_words, 1)
    every = model.probabilities_at(np.append(places, np.average(places, weights=weights)))
    units = [
        TextUnit(span.start_char, span.end_char, p) for span, p in zip(spans, every, strict=False)
    ]
    score = float(interpolated_median(every[-1:])[0])
    return TextLevel(every[-1], score, units, *_shifts(model, inputs, weights))


def _shifts(
    model: OrdinalRegression, inputs: np.ndarray, weights: np.ndarray
) -> tuple[dict[str, float], float]:
    """What each measure, and the word vectors, add to the place of a text against `middle`."""
    z = model.standardised(np.vstack([middle(model), inputs]))
    shifts = model.weights * (np.average(z[1:], axis=0, weights=weights) - z[0])
    n = len(MEASURE_NAMES)
    return dict(zip(MEASURE_NAMES, shifts[:n].tolist(), strict=True)), float(shifts[n:].sum())


class TranscriptModel:
    """A model of texts as a `models.LevelModel`: what the starter model is.

    Raises
    ------
    InputError
        If the card lacks what a prediction needs, or the model is of other measures or
        word vectors than those of this version.
    """

    def __init__(self, saved: RunModel) -> None:
        self.card = card_of(saved)
        self.ranges = saved.card["ranges"]
        self.transcription = transcription_of(saved)
        self.regression = saved.model
        if saved.card["measures"] != list(MEASURE_NAMES):
            raise InputError(
                f"{saved.folder / CONFIG} is of other measures than this version computes: "
                "make it again with tools/train_starter.py"
            )
        size = len(MEASURE_NAMES) + vectors_width()
        if self.regression.weights.size != size:
            raise InputError(
                f"{saved.folder / WEIGHTS} is for {self.regression.weights.size} inputs, "
                f"expected {size}"
            )

    def rate(self, heard: Heard, doc: Doc, measures: Mapping[str, float]) -> Rating:
        """See `models.LevelModel`."""
        told = level_of_text(doc.text, model=self.regression, doc=doc)
        words, places = heard.transcript.words, word_places(doc.text, heard.transcript.words)
        parts = []
        for unit in told.units:
            inside = [
                words[i]
                for i, (start, _) in places.items()
                if unit.start_char <= start < unit.end_char
            ]
            if inside:
                parts.append(Part(inside[0].start_s, inside[-1].end_s, unit.probabilities))
        # From the scale of the cuts to levels: the mean distance of two cuts is one level.
        width = float(np.diff(self.regression.cuts).mean())
        pushes = {name: push / width for name, push in told.contributions.items()}
        return Rating(told.probabilities, parts, pushes, told.word_vectors / width)
