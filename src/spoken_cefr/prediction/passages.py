"""Passages of a known level from single sentences of that level, as a recording would be read.

A model of single sentences learns above all how long a sentence is, which a transcript
does not tell: its full stops come and go. Joined to the length of half a minute
of speech, and in part without case and punctuation, sentences teach what stays.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from spacy.tokens import Doc, Span

MIN_WORDS, MAX_WORDS = 30, 75  # of a passage that is made
WINDOW_WORDS = 50  # of a window of a transcript; the middle of the passages


def make_passages(
    sentences: Sequence[str],
    labels: Sequence[str],
    *,
    n_draws: int = 4,
    n_bare_draws: int = 2,
    seed: int = 0,
) -> pd.DataFrame:
    """Join sentences of one label to passages of 30 words or more.

    Parameters
    ----------
    sentences, labels : sequence of str, length n
    n_draws : int
        How often all sentences are shuffled and joined anew.
    n_bare_draws : int
        Of how many of these draws a copy without case and punctuation is added.

    Returns
    -------
    pd.DataFrame
        ``text``, ``label``, ``draw``, ``bare`` (whether it is such a copy). The sentences left
        over at the end of a draw make no passage: another draw takes them.
    """
    rng = np.random.default_rng(seed)
    labels = np.asarray(labels, dtype=str)
    rows = []
    for draw in range(n_draws):
        for label in sorted(set(labels)):
            mixed = rng.permutation(np.flatnonzero(labels == label))
            texts = _join([_closed(sentences[i]) for i in mixed], rng)
            rows += [(text, label, draw, False) for text in texts]
            if draw < n_bare_draws:
                rows += [(bare(text), label, draw, True) for text in texts]
    return pd.DataFrame(rows, columns=["text", "label", "draw", "bare"])


def bare(text: str) -> str:
    """A text in lower case and without punctuation, as some recognisers write it."""
    return " ".join(re.sub(r"[^\w\s'’-]|(?<!\w)['’-]|['’-](?!\w)", " ", text).lower().split())


def windows(doc: Doc, *, n_words: int = WINDOW_WORDS) -> list[Span]:
    """Cut a parsed text into stretches of about so many words, where a sentence ends if one does.

    Returns
    -------
    list of Span
        In order, without gap; each has between half of and one and a half times
        ``n_words``, a text shorter than that is one. None for a text without a word.
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


def _closed(sentence: str) -> str:
    """A sentence with a sign at its end."""
    sentence = sentence.strip()
    return sentence if sentence[-1:] in tuple(".!?…") else f"{sentence}."


def _join(sentences: Sequence[str], rng: np.random.Generator) -> list[str]:
    texts, waiting, target = [], [], rng.integers(MIN_WORDS, MAX_WORDS)
    for sentence in sentences:
        waiting.append(sentence)
        text = " ".join(waiting)
        if len(text.split()) >= target:
            texts.append(text)
            waiting, target = [], rng.integers(MIN_WORDS, MAX_WORDS)
    return texts
