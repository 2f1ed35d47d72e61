"""The texts that teach the starter: sentences, passages, and how a recogniser hears them."""

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from num2words import num2words
from wordfreq import top_n_list

N_FOLDS = 5
SEED = 0
MIN_WORDS, MAX_WORDS = 12, 120  # of a passage that is made, as of a recording of 5 to 50 s
ERROR_RATES = (0.05, 0.1, 0.2, 0.3)  # shares of words that a recogniser gets wrong
COMMON = 3000  # words that one is heard as


def read_sentences(paths: Sequence[Path]) -> pd.DataFrame:
    """Sentences, each once: text, label, file (from 0) and fold."""
    tables = [pd.read_csv(path).assign(file=i) for i, path in enumerate(paths)]
    table = pd.concat(tables, ignore_index=True).drop_duplicates("sentence", ignore_index=True)
    table = table.rename(columns={"sentence": "text", "difficulty": "label"})
    folds = np.random.default_rng(SEED).permutation(np.arange(len(table)) % N_FOLDS)
    return table.assign(fold=folds)[["text", "label", "file", "fold"]]


def training_texts(sentences: pd.DataFrame, *, n_draws: int = 4, seed: int) -> pd.DataFrame:
    """Sentences, and passages of sentences of one label, file and fold.

    Parameters
    ----------
    sentences : pd.DataFrame
        text, label, file, fold.
    n_draws : int
        How often all sentences are shuffled and joined anew: of the first half of the draws a
        `bare` copy is added, of the second half one with recognition errors.

    Returns
    -------
    pd.DataFrame
        text, label, file, fold, draw, kind ("sentence", "plain", "bare", "misheard"). The
        sentences left over at the end of a draw make no passage: another draw takes them.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for draw in range(n_draws):
        for key, group in sentences.groupby(["label", "file", "fold"]):
            mixed = [_closed(text) for text in rng.permutation(group["text"].to_numpy())]
            for text in _join(mixed, rng):
                heard = spoken(text)
                if draw < n_draws / 2:
                    kind, copy = "bare", bare(heard)
                else:
                    kind = "misheard"
                    heard = bare(heard) if rng.random() < 0.5 else heard
                    copy = misheard(heard, rate=rng.choice(ERROR_RATES), rng=rng)
                rows += [(text, *key, draw, "plain"), (copy, *key, draw, kind)]
    columns = ["text", "label", "file", "fold", "draw", "kind"]
    single = sentences.assign(draw=-1, kind="sentence")[columns]
    return pd.concat([single, pd.DataFrame(rows, columns=columns)], ignore_index=True)


def spoken(text: str) -> str:
    """A text with its whole numbers in words, as they are said."""
    return re.sub(r"\d{1,9}", lambda digits: num2words(int(digits[0]), lang="fr"), text)


def misheard(text: str, *, rate: float, rng: np.random.Generator) -> str:
    """A text of which this share of words is wrong as by a recogniser.

    A quarter is left out, a third is another common word, a quarter is spoilt to a word that
    there is not, and before the others a short word is put in.
    """
    common = _common_words()
    heard: list[str] = []
    for word in text.split():
        fate = rng.random() / rate
        if fate < 0.25:
            continue
        if fate < 0.6:
            heard.append(common[rng.integers(len(common))])
        elif fate < 0.85 and len(word) > 3:
            i = rng.integers(1, len(word) - 1)
            heard.append(word[:i] + word[i + 1 :])
        else:
            heard += [common[rng.integers(100)]] if fate < 1 else []
            heard.append(word)
    return " ".join(heard)


@functools.cache
def _common_words() -> list[str]:
    return [word for word in top_n_list("fr", COMMON) if word.isalpha()]


def bare(text: str) -> str:
    """A text in lower case and without punctuation, as some recognisers write it."""
    return " ".join(re.sub(r"[^\w\s'’-]|(?<!\w)['’-]|['’-](?!\w)", " ", text).lower().split())


def _closed(sentence: str) -> str:
    """A sentence with a sign at its end."""
    sentence = sentence.strip()
    return sentence if sentence[-1:] in tuple(".!?…") else f"{sentence}."


def _join(sentences: Sequence[str], rng: np.random.Generator) -> list[str]:
    texts, waiting, target = [], [], _n_words(rng)
    for sentence in sentences:
        waiting.append(sentence)
        text = " ".join(waiting)
        if len(text.split()) >= target:
            texts.append(text)
            waiting, target = [], _n_words(rng)
    return texts


def _n_words(rng: np.random.Generator) -> float:
    """Of the next passage: short ones are as frequent as long ones, by their ratio."""
    return float(np.exp(rng.uniform(np.log(MIN_WORDS), np.log(MAX_WORDS))))
