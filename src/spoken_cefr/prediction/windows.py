"""Stretches of a recording or of a text, and where a spoken word stands in the text."""

from __future__ import annotations  # spaCy is only named here: its import takes 1.5 s

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from spoken_cefr.measures.table import measure_recording
from spoken_cefr.processing.transcription.words import Word, word_places

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span

WINDOW_S = 20.0  # of the level along time: about 50 words
STEP_S = 10.0
MIN_WINDOW_WORDS = 10
WINDOW_WORDS = 50  # of a stretch of a transcript


@dataclass(frozen=True)
class TimeWindow:
    """A stretch of a recording with its words and the part of the parse that is theirs."""

    start_s: float
    end_s: float
    words: list[Word]
    doc: Doc

    def measures(self) -> dict[str, float]:
        """The measures of this stretch as if it were a recording of its own."""
        moved = [
            word._replace(start_s=word.start_s - self.start_s, end_s=word.end_s - self.start_s)
            for word in self.words
        ]
        duration_s = self.end_s - self.start_s
        return measure_recording(moved, self.doc.text, duration_s=duration_s, doc=self.doc)


def time_windows(doc: Doc, words: Sequence[Word], duration_s: float) -> Iterator[TimeWindow]:
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
        yield TimeWindow(float(low), float(high), said, span.as_doc())


def text_windows(doc: Doc, *, n_words: int = WINDOW_WORDS) -> list[Span]:
    """Cut a parsed text into stretches of about so many words, where a sentence ends if one does.

    In order, without gap; each has between half of and one and a half times ``n_words``, a
    text shorter than that is one. None for a text without a word.
    """
    is_word = np.array([any(map(str.isalnum, token.text)) for token in doc], dtype=bool)
    if not is_word.any():
        return []
    words_before = np.concatenate([[0], np.cumsum(is_word)])
    n_windows = max(1, round(words_before[-1] / n_words))
    ends = {sentence.end for sentence in doc.sents}
    borders = [0]
    for k in range(1, n_windows):
        target = k * words_before[-1] / n_windows
        distance = np.abs(words_before - target)
        near = [i for i in ends if distance[i] < n_words / 4 and i > borders[-1]]
        # No sentence ends near: cut between two words.
        border = min(near, key=lambda i: distance[i]) if near else int(np.argmin(distance))
        borders.append(border)
    borders.append(len(doc))
    return [doc[start:end] for start, end in pairwise(borders)]
