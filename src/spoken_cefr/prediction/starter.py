"""The level by three opinions: what the words say, how fast they are said, and how long it takes.

A text is cut in windows of about 50 words, each gets a place on the scale of the
levels, and the text gets their mean: its words are not harder for being many.
Speed and length have places on the same scale by a rule of thumb (`level_of_rate`) and by the
real catalogue (`level_of_length`), and the three are pooled (`pool`): fast chatter of simple words
and slow reading of hard ones both come out between what their words and their speed say.
"""

from __future__ import annotations  # spaCy is only named here: its import takes 1.5 s

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spoken_cefr.corpus.languages import FRENCH
from spoken_cefr.corpus.levels import interpolated_median
from spoken_cefr.errors import InputError
from spoken_cefr.measures.lexis import DOUBTFUL
from spoken_cefr.measures.pipeline import load_nlp, vectors_width
from spoken_cefr.measures.table import TEXT_MEASURES, text_measures
from spoken_cefr.neural_networks.embeddings.decoder import WIDTH, WhisperDecoder
from spoken_cefr.neural_networks.embeddings.vectors import mean_vector
from spoken_cefr.neural_networks.ordinal import OrdinalRegression
from spoken_cefr.neural_networks.saved import CONFIG, WEIGHTS, RunModel
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.prediction.models import LENGTH, LevelModel, Part, Rating
from spoken_cefr.prediction.windows import text_windows, word_places

if TYPE_CHECKING:
    from spacy.tokens import Doc

INPUTS = "text"  # of a card
# Syllables a second, pauses included. CEFR B2 is where learners follow "standard spoken language,
# live or broadcast" at its normal speed: 264 syllables a minute in French interviews (Grosjean &
# Deschamps, 1975, Phonetica 31). At A2, speech is "clear and slow": 190 a minute, as to listeners
# who are not native (lectures; Tauroza & Allison, 1990, Applied Linguistics 11). Between and beyond
# them a line. These are rates of registers, not of levels: a prior, and no measurement of ours.
NATURAL_RATE, SLOW_RATE = 264 / 60, 190 / 60
LEVELS_BETWEEN = 2  # from A2 to B2
# Median duration of a recording of B1, and by what it grows a level: maximum likelihood of a
# log-normal law with one spread for all levels, over the duration classes of 1 001 human recordings
# (`data/fr_catalogue_2025-01_counts.csv`). The spread is 1.25 levels. Of what is longer than the
# longest class begins the catalogue says no more.
B1_S, LONGER_A_LEVEL, LONGEST_S = 77.7, 1.577, 180.0
# Of each in the pooled place. On 76 human recordings that we do not have, words (0.73) and speed
# (0.75) ranked the levels alike, as errors of 1.25 levels do. Length errs as much on this site, and
# counts for less: other makers' recordings of a level are longer, or shorter, than this site's.
WORDS_WEIGHT = SPEED_WEIGHT = 3 / 8
LENGTH_WEIGHT = 1 / 4
# Of the answer, what the pooled place says; the rest is what each opinion says by itself, without
# which the answer would be as sure where they differ as where they agree.
POOLED_SHARE = 0.75
SPEED = "speech_rate"
# Not looked at: the first needs 20 words, the second hangs on the commas of a transcript.
LEFT_OUT = ("type_token_ratio", "dependency_distance")
MEASURE_NAMES: tuple[str, ...] = tuple(name for name in TEXT_MEASURES if name not in LEFT_OUT)


@dataclass(frozen=True)
class TextUnit:
    """One window of a text and what the model says of it."""

    start_char: int
    end_char: int
    place: float  # on the scale of the model's cuts
    probabilities: np.ndarray  # (n_classes,)


@dataclass(frozen=True)
class TextLevel:
    """The level of a text.

    ``contributions`` say of each measure how far it moves the text up (below 0: down) on the
    model's logit scale, against its median in the training texts; ``word_vectors`` the same of the
    words themselves (mean vector and `text_states`), against their means.
    """

    probabilities: np.ndarray  # (n_classes,), float64, adding up to 1
    score: float  # decimal level (see `levels.interpolated_median`): 3.4 is B1.4
    place: float  # on the scale of the model's cuts
    units: list[TextUnit]  # in order of the text
    contributions: dict[str, float]
    word_vectors: float


def text_inputs(docs: Sequence[Doc]) -> np.ndarray:
    """Columns of the regression: measures (NaN where undefined), mean word vector, `text_states`.

    The vector has length 1: its own length depends on how many words there are. ->
    (n_docs, n_measures + n_dimensions + `WIDTH`), float64
    """
    measured = [text_measures(doc) for doc in docs]
    measures = np.array([[values[name] for name in MEASURE_NAMES] for values in measured])
    vectors = np.array([mean_vector(doc) for doc in docs], dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.hstack([measures, vectors / np.where(lengths > 0, lengths, 1.0), text_states(docs)])


def text_states(docs: Sequence[Doc]) -> np.ndarray:
    """What Whisper's decoder makes of the words that are not doubtful. -> (n_docs, `WIDTH`)"""
    sure = ("".join(t.text_with_ws for t in doc if t.ent_type_ != DOUBTFUL) for doc in docs)
    return _decoder()(list(sure))


@functools.cache
def _decoder() -> WhisperDecoder:
    return WhisperDecoder(FRENCH)


def middle(model: OrdinalRegression) -> np.ndarray:
    """A text in the middle of the training texts: medians, mean vectors. -> (n_inputs,)"""
    n = len(MEASURE_NAMES)
    return np.concatenate([model.medians[:n], model.means[n:]])


def level_of_text(text: str, *, model: OrdinalRegression, doc: Doc | None = None) -> TextLevel:
    """Rate a text such as a transcript, of which there may be a parse already.

    Punctuation and case matter little. InputError if the text holds no word.
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
    place = float(np.average(places, weights=weights))
    every = model.probabilities_at(np.append(places, place))
    units = [
        TextUnit(span.start_char, span.end_char, float(at), p)
        for span, at, p in zip(spans, places, every, strict=False)
    ]
    score = float(interpolated_median(every[-1:])[0])
    return TextLevel(every[-1], score, place, units, *_shifts(model, inputs, weights))


def level_of_rate(speech_rate: float) -> float:
    """Decimal level (B1.5 is 3.5) of which a speed is usual, in syllables/s with pauses.

    The middle of A2 is at `SLOW_RATE`, that of B2 at `NATURAL_RATE`; from 1 to below 6.
    """
    step = (NATURAL_RATE - SLOW_RATE) / LEVELS_BETWEEN
    return float(np.clip(4.5 + (speech_rate - NATURAL_RATE) / step, 1.0, 5.999))


def level_of_length(duration_s: float) -> float:
    """Decimal level of which a duration is the median, in s from the first word to the last.

    The middle of B1 is at `B1_S`; from 1 up, and no more beyond `LONGEST_S`.
    """
    longer = np.log(min(duration_s, LONGEST_S) / B1_S) / np.log(LONGER_A_LEVEL)
    return float(max(1.0, 3.5 + longer))


def place_of_level(level: float, *, cuts: np.ndarray) -> float:
    """A decimal level on the scale of a model's cuts; the outer levels are as wide as the mean."""
    width = float(np.diff(cuts).mean())
    edges = np.concatenate([[cuts[0] - width], cuts, [cuts[-1] + width]])
    return float(np.interp(level, np.arange(1, len(edges) + 1), edges))


def pool(model: OrdinalRegression, words: float, speed: float, length: float) -> np.ndarray:
    """Probabilities of the levels by the places of the three opinions, shape (n_classes,).

    Mostly what the pooled place says, and what each opinion says: where they are far apart the
    answer is less sure.
    """
    opinions = np.array([words, speed, length])
    weights = np.array([WORDS_WEIGHT, SPEED_WEIGHT, LENGTH_WEIGHT])
    told = model.probabilities_at(np.append(opinions, opinions @ weights))
    return POOLED_SHARE * told[-1] + (1 - POOLED_SHARE) * (weights @ told[:-1])


def _shifts(
    model: OrdinalRegression, inputs: np.ndarray, weights: np.ndarray
) -> tuple[dict[str, float], float]:
    """What each measure, and the word vectors, add to the place of a text against `middle`."""
    z = model.standardised(np.vstack([middle(model), inputs]))
    shifts = model.weights * (np.average(z[1:], axis=0, weights=weights) - z[0])
    n = len(MEASURE_NAMES)
    return dict(zip(MEASURE_NAMES, shifts[:n].tolist(), strict=True)), float(shifts[n:].sum())


class TranscriptModel(LevelModel):
    """A model of texts: what the starter model is.

    InputError as `LevelModel`, or if it is of other measures or word vectors than those of this
    version.
    """

    def __init__(self, saved: RunModel) -> None:
        super().__init__(saved)
        self.regression = saved.model
        if saved.card["measures"] != list(MEASURE_NAMES):
            raise InputError(
                f"{saved.folder / CONFIG} is of other measures than this version computes: "
                "make it again with tools/train_starter.py"
            )
        size = len(MEASURE_NAMES) + vectors_width() + WIDTH
        if self.regression.weights.size != size:
            raise InputError(
                f"{saved.folder / WEIGHTS} is for {self.regression.weights.size} inputs, "
                f"expected {size}"
            )

    def rate(self, heard: Heard, doc: Doc, measures: Mapping[str, float]) -> Rating:
        """See `models.LevelModel`."""
        told = level_of_text(doc.text, model=self.regression, doc=doc)
        cuts = self.regression.cuts
        words, places = heard.transcript.words, word_places(doc.text, heard.transcript.words)
        speed = place_of_level(level_of_rate(measures[SPEED]), cuts=cuts)
        length = place_of_level(level_of_length(measures[LENGTH.name]), cuts=cuts)
        parts = []
        for unit in told.units:
            inside = [
                words[i]
                for i, (start, _) in places.items()
                if unit.start_char <= start < unit.end_char
            ]
            if inside:
                answer = pool(self.regression, unit.place, speed, length)
                parts.append(Part(inside[0].start_s, inside[-1].end_s, answer))
        # From the scale of the cuts to levels: the mean distance of two cuts is one level.
        width = float(np.diff(cuts).mean())
        of_text = WORDS_WEIGHT / width
        pushes = {name: push * of_text for name, push in told.contributions.items()}
        start = float(self.regression.decision(middle(self.regression)[None])[0])
        pushes[SPEED] = SPEED_WEIGHT * (speed - start) / width
        pushes[LENGTH.name] = LENGTH_WEIGHT * (length - start) / width
        answer = pool(self.regression, told.place, speed, length)
        return Rating(answer, parts, pushes, told.word_vectors * of_text)
