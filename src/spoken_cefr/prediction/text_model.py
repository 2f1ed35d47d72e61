"""The level of a text: ordinal regression on its measures of lexis and syntax and its word vectors.

A text is cut in windows of about 50 words, each gets a place on the scale of the
levels, and the text gets their mean: a long transcript is not harder for being long.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc

from spoken_cefr.corpus.levels import interpolated_median
from spoken_cefr.errors import InputError
from spoken_cefr.measures.pipeline import load_nlp, vectors_width
from spoken_cefr.measures.table import TEXT_MEASURES, text_measures
from spoken_cefr.neural_networks.embeddings.text import mean_vector
from spoken_cefr.neural_networks.ordinal.regression import STATE, OrdinalRegression
from spoken_cefr.prediction.bundle import ARRAYS, CONFIG, Bundle, read_bundle
from spoken_cefr.prediction.passages import windows

KIND = "text_ordinal"
# Not looked at: the first needs 20 words, the second hangs on the commas of a transcript.
LEFT_OUT = ("type_token_ratio", "dependency_distance")
MEASURE_NAMES: tuple[str, ...] = tuple(name for name in TEXT_MEASURES if name not in LEFT_OUT)


@dataclass(frozen=True)
class TextUnit:
    """One window of a text and what the model says of it."""

    start_char: int
    end_char: int
    n_words: int
    probabilities: np.ndarray  # (n_classes,)


@dataclass(frozen=True)
class TextLevel:
    """The level of a text.

    Parameters
    ----------
    probabilities : np.ndarray, shape (n_classes,), float64
        Adding up to 1, in the order of the model's classes.
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


@dataclass(frozen=True)
class TextModel:
    """A fitted model.

    Parameters
    ----------
    medians : np.ndarray, shape (n_measures,)
        Of the training texts; they stand in for what is undefined.
    """

    classes: tuple[str, ...]
    medians: np.ndarray
    regression: OrdinalRegression

    def inputs(self, docs: Sequence[Doc]) -> np.ndarray:
        """Columns of the regression. -> (n_docs, n_measures + n_dimensions), float64"""
        measures, vectors = text_inputs(docs)
        return np.hstack([np.where(np.isnan(measures), self.medians, measures), vectors])

    def middle(self) -> np.ndarray:
        """A text in the middle of the training texts: medians, mean vector. -> (n_inputs,)"""
        return np.concatenate([self.medians, self.regression.means[len(self.medians) :]])

    def contributions(
        self, inputs: np.ndarray, weights: np.ndarray
    ) -> tuple[dict[str, float], float]:
        """What each measure, and the word vectors, add to the place of a text against `middle`.

        Parameters
        ----------
        inputs : np.ndarray, shape (n_windows, n_inputs)
        weights : np.ndarray, shape (n_windows,)
            Of the windows in the text's place.
        """
        fitted, n = self.regression, len(MEASURE_NAMES)
        rows = np.vstack([self.middle(), inputs])
        z = np.clip((rows - fitted.means) / fitted.scales, -fitted.clip, fitted.clip)
        shifts = fitted.weights * (np.average(z[1:], axis=0, weights=weights) - z[0])
        return dict(zip(MEASURE_NAMES, shifts[:n].tolist(), strict=True)), float(shifts[n:].sum())


def text_inputs(docs: Sequence[Doc]) -> tuple[np.ndarray, np.ndarray]:
    """What the model looks at.

    Returns
    -------
    measures : np.ndarray, shape (n_docs, n_measures), float64
        Those of `MEASURE_NAMES`; NaN where undefined.
    vectors : np.ndarray, shape (n_docs, n_dimensions), float64
        Mean word vector, of length 1: its own length depends on how many words there are.
    """
    measured = [text_measures(doc) for doc in docs]
    measures = np.array([[values[name] for name in MEASURE_NAMES] for values in measured])
    vectors = np.array([mean_vector(doc) for doc in docs], dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return measures, vectors / np.where(lengths > 0, lengths, 1.0)


def fit_text_model(
    docs: Sequence[Doc], codes: np.ndarray, *, classes: Sequence[str], l2: float, clip: float = 3.0
) -> TextModel:
    """Fit the regression to parsed passages.

    Parameters
    ----------
    docs : sequence of Doc, length n
    codes : np.ndarray, shape (n,), int
        Positions in ``classes``.
    """
    measures, vectors = text_inputs(docs)
    medians = np.nanmedian(measures, axis=0)
    inputs = np.hstack([np.where(np.isnan(measures), medians, measures), vectors])
    regression = OrdinalRegression(len(classes), l2=l2, clip=clip).fit(inputs, codes)
    return TextModel(tuple(classes), medians, regression)


def level_of_text(
    text: str, *, model: TextModel, doc: Doc | None = None, nlp: Language | None = None
) -> TextLevel:
    """Rate a text.

    Parameters
    ----------
    text : str
        Such as a transcript; punctuation and case matter little.
    doc : Doc, optional
        Its parse, if there is one already; else it is parsed by ``nlp``, by
        default `load_nlp`.

    Raises
    ------
    InputError
        If the text holds no word.
    """
    doc = (nlp or load_nlp())(text) if doc is None else doc
    spans = windows(doc)
    if not spans:
        raise InputError("the text holds no word: there is no level to tell")
    inputs = model.inputs([span.as_doc() for span in spans])
    places = model.regression.decision(inputs)
    n_words = np.array([sum(any(map(str.isalnum, t.text)) for t in span) for span in spans])
    # The mean over windows, each weighing as much as it has words.
    weights = np.maximum(n_words, 1)
    place = np.average(places, weights=weights)
    every = model.regression.probabilities_at(np.append(places, place))
    units = [
        TextUnit(span.start_char, span.end_char, int(n), p)
        for span, n, p in zip(spans, n_words, every, strict=False)
    ]
    score = float(interpolated_median(every[-1:])[0])
    return TextLevel(every[-1], score, units, *model.contributions(inputs, weights))


def arrays_of(model: TextModel) -> dict[str, np.ndarray]:
    """The model as arrays for `bundle.write_bundle`, rounded to 7 digits.

    The last digits hang on how many cores added the numbers up; without them the
    same data gives the same bytes.
    """
    arrays = {f"regression.{name}": array for name, array in model.regression.state().items()}
    arrays["medians"] = model.medians
    return {name: _rounded(array) for name, array in arrays.items()}


def _rounded(array: np.ndarray) -> np.ndarray:
    return np.array([float(f"{value:.7g}") for value in np.ravel(array)])


def load(folder: Path | str) -> TextModel:
    """Read a model from a bundle (see `bundle.read_bundle`: no code in it can run).

    Raises
    ------
    InputError
        If the folder is no bundle, of another kind, schema or measures, or a
        file has changed; the message says which.
    """
    return from_bundle(read_bundle(folder))


def from_bundle(bundle: Bundle) -> TextModel:
    """Take the model out of a bundle; raises `InputError` as `load` does."""
    kind = bundle.config["kind"]
    if kind != KIND:
        raise InputError(f"{bundle.folder / CONFIG} is of kind {kind!r}, expected {KIND!r}")
    if bundle.config.get("measures") != list(MEASURE_NAMES):
        raise InputError(
            f"{bundle.folder / CONFIG} is of other measures than this version computes: "
            "make it again with tools/train_starter.py"
        )
    medians = bundle.array("medians", (len(MEASURE_NAMES),))
    classes = tuple(bundle.config["classes"])
    regression = _regression(bundle, n_classes=len(classes))
    return TextModel(classes, medians, regression)


def _regression(bundle: Bundle, *, n_classes: int) -> OrdinalRegression:
    arrays: Mapping[str, np.ndarray] = bundle.arrays
    state = {name: arrays[f"regression.{name}"] for name in STATE if f"regression.{name}" in arrays}
    size = len(MEASURE_NAMES) + vectors_width()
    try:
        regression = OrdinalRegression.from_state(state)
    except ValueError as error:
        raise InputError(f"{bundle.folder / ARRAYS} holds no regression ({error})") from None
    if regression.weights.size != size or regression.n_classes != n_classes:
        raise InputError(
            f"{bundle.folder / ARRAYS} is for {regression.weights.size} inputs and "
            f"{regression.n_classes} classes, expected {size} and {n_classes}"
        )
    return regression
