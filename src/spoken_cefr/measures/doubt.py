"""Words that may have been misheard: they count in no measure of the words.

The two thresholds are measured on the demo's recordings, of which the texts are known
(`tools/measure_doubt.py` prints the figures): 8.5 % of the 4 998 words that Whisper (base, int8)
writes there are wrong; of those as good as in no frequency list 98 % are. With these thresholds,
which leave out 5 %, the mean frequency of a recording is 0.05 from that of its written text
(before: 0.09), and too high by 0.008 (before: too low by 0.085).
"""

from __future__ import annotations  # spaCy is only named here: its import takes 1.5 s

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from spoken_cefr.measures.lexis import DOUBTFUL, is_unknown
from spoken_cefr.processing.transcription.words import Word, word_places

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span

SURE = 0.5  # a word less probable than this is left out: 24 % of the wrong ones, 2 % of the right
SURE_UNKNOWN = 0.95  # the same of a word in no list


def mark_doubtful(doc: Doc, words: Sequence[Word]) -> Doc:
    """The same parsed transcript, its doubtful words marked as entities of type `DOUBTFUL`.

    A word without probability is doubtful only where no frequency list has it. Entities are
    what is copied with a part of a text; the pipeline has no recogniser that writes others.
    """
    from spacy.util import filter_spans

    spans: list[Span] = []
    for index, place in word_places(doc.text, words).items():
        probability = words[index].probability
        sure = SURE if probability is None or math.isnan(probability) else probability
        span = doc.char_span(*place, label=DOUBTFUL, alignment_mode="expand")
        unknown = sure < SURE_UNKNOWN and any(map(is_unknown, span))
        if sure < SURE or unknown:
            spans.append(span)
    doc.set_ents(filter_spans(spans))
    return doc


def doubtful_words(doc: Doc, words: Sequence[Word]) -> list[bool]:
    """Of each word, whether `mark_doubtful` has marked it."""
    starts = {token.idx for token in doc if token.ent_type_ == DOUBTFUL}
    places = word_places(doc.text, words)
    return [
        index in places and any(place in starts for place in range(*places[index]))
        for index in range(len(words))
    ]
