"""Word times: which aligner gives them, and what happens when it cannot.

`align` asks the aligner that the profile names. WebMAUS is a service of others
on another machine: where it gives nothing useful, Whisper's times are taken,
and a remark says so and why.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.processing.alignment.textgrid import check_order
from spoken_cefr.processing.alignment.webmaus import FRAME_S, WebMausError, service
from spoken_cefr.processing.transcription.engines import SAMPLE_RATE, Transcript
from spoken_cefr.processing.transcription.words import Word

MAX_ASTRAY = 0.1  # part of a transcript's words that may be missing or other in WebMAUS's tier


@dataclass(frozen=True)
class Alignment:
    """The words of one recording in order, and whose times they have: ``whisper`` or ``webmaus``.

    They do not overlap, are inside the recording, and each is longer than 0 s.
    """

    words: list[Word]
    source: str
    remarks: list[str] = field(default_factory=list)


def check_aligner(config: Config) -> None:
    """InputError if WebMAUS is chosen without ``accept_terms``, or does not know the language."""
    if config.processing.aligner == "webmaus":
        service(config)


def align(config: Config, signal: np.ndarray, transcript: Transcript) -> Alignment:
    """Word times of one recording (16 kHz), from the profile's aligner or else from Whisper."""
    if config.processing.aligner == "whisper" or not transcript.words:
        return Alignment(transcript.words, "whisper")
    try:
        return _webmaus(config, signal, transcript.words)
    except (WebMausError, InputError) as error:
        return Alignment(
            transcript.words, "whisper", [f"WebMAUS gave no times, Whisper's were taken: {error}"]
        )


def _webmaus(config: Config, signal: np.ndarray, expected: list[Word]) -> Alignment:
    result = service(config).align(signal, [word.word for word in expected])
    words = with_probabilities(fit(result.words, len(signal) / SAMPLE_RATE), expected)
    astray = n_astray([word.word for word in expected], [word.word for word in words])
    if astray > max(1, MAX_ASTRAY * len(expected)) or not words:
        raise WebMausError(
            f"its tier is of another text ({len(words)} words for {len(expected)}, {astray} astray)"
        )
    remarks = [f"WebMAUS warns: {warning}" for warning in result.warnings]
    if astray:
        remarks.append(f"WebMAUS has {astray} of {len(expected)} words otherwise than Whisper")
    return Alignment(words, "webmaus", remarks)


def fit(words: list[Word], duration_s: float) -> list[Word]:
    """The words inside 0..duration: MAUS works in frames and may pass the end by less than one.

    InputError if the last word passes the end by more: the times are of another recording.
    """
    if not words:
        return []
    last = words[-1]
    if last.end_s > duration_s + FRAME_S or last.start_s >= duration_s:
        raise InputError(
            f"its words end at {last.end_s:.2f} s, but the recording lasts {duration_s:.2f} s"
        )
    fitted = [*words[:-1], last._replace(end_s=min(last.end_s, duration_s))]
    check_order(fitted, where="its tier")
    return fitted


def with_probabilities(words: list[Word], heard: list[Word]) -> list[Word]:
    """The aligner's words, as sure as Whisper was of the same ones: the least sure of several."""
    before = word_pieces([word.word for word in heard])
    after = word_pieces([word.word for word in words])
    sure: dict[int, list[float]] = {}
    for a, b, size in _matcher(before, after).get_matching_blocks():
        for (i, _), (k, _) in zip(before[a : a + size], after[b : b + size], strict=True):
            if heard[i].probability is not None:
                sure.setdefault(k, []).append(heard[i].probability)
    return [
        word._replace(probability=min(sure.get(k, []), default=None))
        for k, word in enumerate(words)
    ]


def _matcher(before: list[tuple[int, str]], after: list[tuple[int, str]]) -> SequenceMatcher:
    return SequenceMatcher(
        None, [piece for _, piece in before], [piece for _, piece in after], autojunk=False
    )


def n_astray(expected: list[str], found: list[str]) -> int:
    """How many words differ at their position, are missing or are too many.

    Punctuation, case and elision (``l'école`` or ``l'`` and ``école``) make no
    difference. A word's position is that between words that agree.
    """
    before, after = word_pieces(expected), word_pieces(found)
    blocks = _matcher(before, after).get_opcodes()
    return sum(
        max(len({i for i, _ in before[a:b]}), len({i for i, _ in after[c:d]}))
        for tag, a, b, c, d in blocks
        if tag != "equal"
    )


def word_pieces(words: list[str]) -> list[tuple[int, str]]:
    """What is compared of words: runs of letters and digits in lower case, with the word's index.

    ``["L'été,", "fini"]`` gives ``[(0, "l"), (0, "été"), (1, "fini")]``.
    """
    return [
        (index, piece)
        for index, word in enumerate(words)
        for piece in re.findall(r"\w+", unicodedata.normalize("NFKC", word).casefold())
    ]
