"""From probabilities to a level: how sure it is, and when no level should be given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spoken_cefr.corpus.languages import find_language
from spoken_cefr.corpus.levels import decimal_name, interpolated_median
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.processing.transcription.spoken_language import english_name

MIN_WORDS = 20  # with fewer, one word more or less changes every rate by 5 %
MAX_DOUBTFUL = 0.3  # share of words left out; in the demo at most 0.16, see `measures.doubt`
INTERVAL = 0.8  # least share of the texts of a level that is inside `likely`, see `Calibration`
AS_PROBABLE = 0.01  # of two levels no farther apart neither is the likelier: whole per cent
MAX_LEVELS = 3  # an interval of more than so many levels says nothing
# From which probability of the level shown we call it so.
SURENESS: tuple[tuple[float, str], ...] = ((0.7, "sure"), (0.5, "fairly sure"), (0.0, "unsure"))

# Why no level is given, by code; `other` is a language's name.
ABSTENTIONS: dict[str, str] = {
    "no_speech": "nobody was heard to speak (silence, noise or music)",
    "no_words": "no word could be made out",
    "other_language": "this sounds like {other} ({probability:.0%}), not {expected}",
    "too_few_words": "only {n_words} words were heard; at least {min_words} are needed",
    "doubtful_words": "{n} of {n_words} words may be misheard",
    "undecided": "the probability is spread over {low} to {high}",
}


@dataclass(frozen=True)
class Calibration:
    """Which levels are likely, and from when on an answer is given.

    Without measurement the likely levels hold 80 % of the probability. A model of which answers
    on unseen texts are known has measured values (`tools/sureness.py`).
    """

    share: float = INTERVAL  # so much probability the likely levels hold at least
    least: float = 0.0  # probability of the level below which no level is given


UNMEASURED = Calibration()


@dataclass(frozen=True)
class Verdict:
    """What the probabilities come to."""

    level: str  # the class of the integer part of ``score``
    score: float  # decimal level: 3.4 is B1.4 (see `levels.interpolated_median`)
    score_name: str
    confidence: float  # probability of ``level``
    sureness: str
    likely: tuple[str, str]  # lowest and highest of the likely levels, see `Calibration`


def reach_verdict(
    probabilities: np.ndarray, classes: Sequence[str], calibration: Calibration = UNMEASURED
) -> Verdict:
    """Turn probabilities, shape (n_classes,), into level, score and how sure it is."""
    p = np.asarray(probabilities, dtype=np.float64)
    p = p / p.sum()
    score = float(interpolated_median(p[None, :])[0])
    confidence = float(p[int(score) - 1])
    low, high = likely_levels(p, calibration)
    return Verdict(
        level=classes[int(score) - 1],
        score=score,
        score_name=decimal_name(score, classes),
        confidence=confidence,
        sureness=next(name for least, name in SURENESS if confidence >= least),
        likely=(classes[low], classes[high]),
    )


def likely_levels(
    probabilities: Sequence[float] | np.ndarray, calibration: Calibration = UNMEASURED
) -> tuple[int, int]:
    """First and last likely class: the smallest of the `spans_of` an answer that holds enough."""
    p = np.asarray(probabilities, dtype=np.float64) / np.sum(probabilities)
    return next(
        (low, high)
        for low, high in spans_of(p)
        if high - low + 1 == len(p) or p[low : high + 1].sum() >= calibration.share
    )


def spans_of(probabilities: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last class of each span that an answer may have, from the smallest to all classes.

    All hold the level that is given. None leaves out a level that is as probable as one that it
    holds (`AS_PROBABLE`), so that each grows by the most probable levels that are left.
    Probabilities are (n_classes,), adding up to 1.
    """
    p = probabilities
    given = int(interpolated_median(p[None])[0]) - 1
    low, high = _closed(p, given, given)
    yield low, high
    while high - low + 1 < len(p):
        outside = np.delete(np.arange(len(p)), np.s_[low : high + 1])
        best = int(outside[p[outside].argmax()])
        low, high = _closed(p, min(low, best), max(high, best))
        yield low, high


def _closed(p: np.ndarray, low: int, high: int) -> tuple[int, int]:
    """The span with all that is as probable as what it holds, and what lies between."""
    inside = np.flatnonzero(p >= p[low : high + 1].min() - AS_PROBABLE)
    found = int(inside[0]), int(inside[-1])
    return found if found == (low, high) else _closed(p, *found)


def equally_likely(probabilities: Mapping[str, float]) -> list[str]:
    """Names of the levels that are as probable as any; none where one stands alone."""
    most = max(probabilities.values())
    equal = [name for name, p in probabilities.items() if p >= most - AS_PROBABLE]
    return equal if len(equal) > 1 else []


def reason_to_abstain(heard: Heard, *, language: str) -> tuple[str, str] | None:
    """Code and sentence where the recording allows no level to a model of this language (code)."""
    n_words = len(heard.transcript.words)
    if heard.spoken_language is None:
        return _reason("no_speech")
    expected = find_language(language)
    # Both must hold: Whisper often takes a strong accent for a neighbouring language.
    if heard.spoken_language != expected.whisper and heard.language_probability < 0.2:
        return _reason(
            "other_language",
            other=english_name(heard.spoken_language),
            probability=heard.spoken_probability,
            expected=english_name(language),
        )
    if n_words == 0:
        return _reason("no_words")
    if n_words < MIN_WORDS:
        return _reason("too_few_words", n_words=n_words, min_words=MIN_WORDS)
    return None


def reason_of_doubt(n_doubtful: int, n_words: int) -> tuple[str, str] | None:
    """Code and sentence where too many words may be misheard, else None."""
    if n_doubtful <= MAX_DOUBTFUL * n_words:
        return None
    return _reason("doubtful_words", n=n_doubtful, n_words=n_words)


def reason_of_spread(
    probabilities: np.ndarray, classes: Sequence[str], calibration: Calibration = UNMEASURED
) -> tuple[str, str] | None:
    """Code and sentence where the level is too improbable or the likely ones are too many."""
    low, high = likely_levels(probabilities, calibration)
    confidence = reach_verdict(probabilities, classes).confidence
    if high - low + 1 <= MAX_LEVELS and confidence >= calibration.least:
        return None
    low, high = likely_levels(probabilities)
    return _reason("undecided", low=classes[low], high=classes[high])


def _reason(code: str, **facts: object) -> tuple[str, str]:
    return code, ABSTENTIONS[code].format(**facts)
