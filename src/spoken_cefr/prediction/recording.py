"""One recording: what was heard of it becomes a result that a person can check."""

from __future__ import annotations  # spaCy is only named here: its import takes 1.5 s

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from spoken_cefr.errors import printable
from spoken_cefr.measures import lexis
from spoken_cefr.measures.doubt import doubtful_words, mark_doubtful
from spoken_cefr.measures.table import MEASURES, measure_recording
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.prediction.models import LENGTH, Card, LevelModel, Part, Rating
from spoken_cefr.prediction.verdict import (
    reach_verdict,
    reason_of_doubt,
    reason_of_spread,
    reason_to_abstain,
)
from spoken_cefr.processing.decoding import SAMPLE_RATE
from spoken_cefr.processing.transcription.engines import NO_SPEECH
from spoken_cefr.processing.transcription.words import Word, word_places

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

SURE_LOGPROB = -0.7  # mean log probability of a token; clear recordings have -0.1 to -0.4
UNSURE = "Whisper was unsure of many words: read the transcript before the level"
DOUBT = "{n} of {of} words ({share:.0%}) may be misheard: they do not count as words"
FEW_SPEAKERS = 30
FEW = (
    "this model has learned from {n} speakers only, and speaks in place of the starter model "
    "(--model data/starter)"
)


# A result in which nothing was found; ``doc/predict_schema.json`` describes it.
NOTHING: dict[str, Any] = {
    "file": "",
    "duration_s": 0.0,
    **dict.fromkeys(("level", "score", "score_name", "confidence", "sureness")),
    **dict.fromkeys(("likely_levels", "probabilities")),
    "abstains": False,
    **dict.fromkeys(("abstain_code", "abstain_reason")),
    "language": {},
    "transcript": "",
    "words": [],
    "measures": {},
    "word_vectors_contribution": None,
    "rare_words": [],
    "timeline": [],
    "model": {},
    "warnings": [],
}


def rate_recording(heard: Heard, model: LevelModel, nlp: Language) -> dict[str, Any]:
    """Rate one recording; ``nlp`` is the tagger and parser of the model's language.

    Without speech, or in another language than the model's, there is no level
    at all; with few words, or where the model is undecided, the level is what
    it leans to, and ``abstains`` says that it should not be relied on.
    """
    card, transcript = model.card, heard.transcript
    reason = reason_to_abstain(heard, language=card.language)
    known = deepcopy(NOTHING) | {
        "file": printable(str(heard.path)),
        "duration_s": round(len(heard.recording) / SAMPLE_RATE, 3),
        "language": {
            "spoken": heard.spoken_language,
            "probability": round(heard.spoken_probability, 4),
        },
        "transcript": transcript.text,
        "model": asdict(card) | {"classes": list(card.classes)},
    }
    if reason and reason[0] != "too_few_words":
        words = _words(heard, [False] * len(transcript.words))
        told = {"words": words, "warnings": _warnings(heard, card)}
        return known | told | _abstention(reason)
    doc = mark_doubtful(nlp(transcript.text), transcript.words)
    doubtful = doubtful_words(doc, transcript.words)
    values = measure_recording(
        transcript.words, transcript.text, duration_s=heard.duration_s, doc=doc
    )
    values[LENGTH.name] = transcript.words[-1].end_s - transcript.words[0].start_s
    rating = model.rate(heard, doc, values)
    verdict = reach_verdict(rating.probabilities, card.classes, model.calibration)
    reason = reason or reason_of_doubt(sum(doubtful), len(doubtful))
    reason = reason or reason_of_spread(rating.probabilities, card.classes, model.calibration)
    words = _words(heard, doubtful)
    starts_s = [row["start_s"] for row in words]
    found = {
        "level": verdict.level,
        "score": round(verdict.score, 3),
        "score_name": verdict.score_name,
        "confidence": round(verdict.confidence, 4),
        "sureness": verdict.sureness,
        "likely_levels": list(verdict.likely),
        "probabilities": _named(rating.probabilities, card.classes),
        "words": words,
        "measures": _measures(values, model.ranges, rating),
        "word_vectors_contribution": _rounded(rating.word_vectors),
        "rare_words": find_rare_words(doc, transcript.words, starts_s),
        "timeline": [_part(part, card.classes, heard) for part in rating.timeline],
        "warnings": _warnings(heard, card, n_doubtful=sum(doubtful)),
    }
    return known | _abstention(reason) | found


def find_rare_words(
    doc: Doc, words: Sequence[Word], starts_s: Sequence[float]
) -> list[dict[str, Any]]:
    """The words that `lexis.rare_words` finds, each form once, rarest first; where each is said.

    A frequency (Zipf scale) of None is that of a word in no list of which Whisper is sure.
    """
    places = word_places(doc.text, words)
    index_of = {i: index for index, place in places.items() for i in range(*place)}
    found: dict[str, dict[str, Any]] = {}
    for rare in lexis.rare_words(doc):
        form = rare.word.lower()
        zipf = rare.zipf if rare.zipf > lexis.MIN_ZIPF else None
        row = found.setdefault(
            form, {"word": form, "zipf": zipf, "start_s": [], "word_indices": []}
        )
        index = index_of.get(rare.offset)
        if index is not None:
            row["start_s"].append(starts_s[index])
            row["word_indices"].append(index)
    return sorted(found.values(), key=lambda row: (row["zipf"] or 0.0, row["word"]))


def _abstention(reason: tuple[str, str] | None) -> dict[str, Any]:
    code, sentence = reason or (None, None)
    return {"abstains": reason is not None, "abstain_code": code, "abstain_reason": sentence}


def _warnings(heard: Heard, card: Card, *, n_doubtful: int = 0) -> list[str]:
    warnings = [card.notice] if card.notice else []
    if card.n_speakers is not None and card.n_speakers < FEW_SPEAKERS:
        warnings.append(FEW.format(n=card.n_speakers))
    sure, n_words = heard.transcript.avg_logprob, len(heard.transcript.words)
    if sure is not None and sure < SURE_LOGPROB:
        warnings.append(UNSURE)
    if n_doubtful:
        warnings.append(DOUBT.format(n=n_doubtful, of=n_words, share=n_doubtful / n_words))
    # Where nobody speaks the reason to abstain says it already.
    told = [remark for remark in heard.transcript.remarks if remark != NO_SPEECH]
    return warnings + heard.remarks + told


def _words(heard: Heard, doubtful: Sequence[bool]) -> list[dict[str, Any]]:
    """The words with their times in the recording, of which a part may have been heard."""
    return [
        {
            "word": word.word,
            "start_s": round(heard.time_s(word.start_s), 6),
            "end_s": round(heard.time_s(word.end_s, is_end=True), 6),
            "probability": _rounded(word.probability),
            "doubtful": not_sure,
        }
        for word, not_sure in zip(heard.transcript.words, doubtful, strict=True)
    ]


def _named(probabilities: np.ndarray, classes: tuple[str, ...]) -> dict[str, float]:
    return {name: round(float(p), 4) for name, p in zip(classes, probabilities, strict=True)}


def _part(part: Part, classes: tuple[str, ...], heard: Heard) -> dict[str, Any]:
    verdict = reach_verdict(part.probabilities, classes)
    return {
        "start_s": round(heard.time_s(part.start_s), 3),
        "end_s": round(heard.time_s(part.end_s, is_end=True), 3),
        "level": verdict.level,
        "score": round(verdict.score, 3),
        "score_name": verdict.score_name,
        "probabilities": _named(part.probabilities, classes),
    }


def _measures(
    values: Mapping[str, float],
    ranges: Mapping[str, Mapping[str, tuple[float, float, float]]],
    rating: Rating,
) -> dict[str, dict[str, Any]]:
    """Each measure with what it is in the training corpus; those that weigh most first."""
    rows = {}
    for measure in (measure for measure in (*MEASURES, LENGTH) if measure.name in values):
        value = float(values[measure.name])
        known = math.isfinite(value)
        levels = ranges.get(measure.name, {})
        rows[measure.name] = {
            "value": round(value, 4) if known else None,
            "unit": measure.unit,
            "kind": measure.kind,
            "description": measure.description,
            "ranges": {level: list(quartiles) for level, quartiles in levels.items()},
            "nearest_level": nearest_level(value, levels) if known else None,
            "contribution": _rounded(rating.contributions.get(measure.name)),
        }
    return dict(sorted(rows.items(), key=lambda row: -abs(row[1]["contribution"] or 0.0)))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)


def nearest_level(value: float, ranges: Mapping[str, tuple[float, float, float]]) -> str | None:
    """The level whose median is nearest; None where there is no range, or two are as near.

    Of a verb form that most recordings lack all medians are 0: none is nearer.
    """
    distances = sorted((abs(quartiles[1] - value), level) for level, quartiles in ranges.items())
    if not distances or (len(distances) > 1 and distances[0][0] == distances[1][0]):
        return None
    return distances[0][1]
