"""From probabilities to a level: how sure it is, and when no level should be given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spoken_cefr.corpus.languages import find_language
from spoken_cefr.corpus.levels import decimal_name, interpolated_median
from spoken_cefr.prediction.listening import Heard

MIN_WORDS = 20  # with fewer, one word more or less changes every rate by 5 %
MAX_DOUBTFUL = 0.3  # share of words left out; in the demo at most 0.16, see `measures.doubt`
INTERVAL = 0.8  # share of the probability inside `likely`
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
class Verdict:
    """What the probabilities come to.

    Parameters
    ----------
    level : str
        The class of the integer part of ``score``.
    score : float
        Decimal level: 3.4 is B1.4 (see `levels.interpolated_median`).
    confidence : float
        Probability of ``level``.
    likely : (str, str)
        Lowest and highest level of the middle 80 % of the probability.
    """

    level: str
    score: float
    score_name: str
    confidence: float
    sureness: str
    likely: tuple[str, str]


def reach_verdict(probabilities: np.ndarray, classes: Sequence[str]) -> Verdict:
    """Turn probabilities, shape (n_classes,), into level, score and how sure it is."""
    p = np.asarray(probabilities, dtype=np.float64)
    p = p / p.sum()
    score = float(interpolated_median(p[None, :])[0])
    confidence = float(p[int(score) - 1])
    low, high = likely_levels(p)
    return Verdict(
        level=classes[int(score) - 1],
        score=score,
        score_name=decimal_name(score, classes),
        confidence=confidence,
        sureness=next(name for least, name in SURENESS if confidence >= least),
        likely=(classes[low], classes[high]),
    )


def likely_levels(probabilities: np.ndarray) -> tuple[int, int]:
    """First and last class that the middle 80 % of the probability touches."""
    tail = (1 - INTERVAL) / 2 + 1e-9
    low = int((probabilities.cumsum() > tail).argmax())
    high = len(probabilities) - 1 - int((probabilities[::-1].cumsum() > tail).argmax())
    return low, high


def reason_to_abstain(heard: Heard, *, language: str) -> tuple[str, str] | None:
    """Code and sentence where the recording itself allows no level, else None.

    Parameters
    ----------
    language : str
        Code of the model's language.
    """
    n_words = len(heard.transcript.words)
    if heard.spoken_language is None:
        return _reason("no_speech")
    expected = find_language(language)
    # Both must hold: Whisper often takes a strong accent for a neighbouring language.
    if heard.spoken_language != expected.whisper and heard.language_probability < 0.2:
        return _reason(
            "other_language",
            other=_english_name(heard.spoken_language),
            probability=heard.spoken_probability,
            expected=_english_name(language),
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


def reason_of_spread(probabilities: np.ndarray, classes: Sequence[str]) -> tuple[str, str] | None:
    """Code and sentence where the likely levels are too many, else None."""
    low, high = likely_levels(np.asarray(probabilities))
    if high - low + 1 <= MAX_LEVELS:
        return None
    return _reason("undecided", low=classes[low], high=classes[high])


def _reason(code: str, **facts: object) -> tuple[str, str]:
    return code, ABSTENTIONS[code].format(**facts)


def _english_name(code: str) -> str:
    from whisper.tokenizer import LANGUAGES  # imports torch: only when it is needed

    return LANGUAGES.get(code, code).title()
