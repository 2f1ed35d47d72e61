"""The level of each word, learned from the sentences that it stands in."""

import numpy as np
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import Ridge

N_WAVES = 400  # random Fourier features of a word
RIDGE = 20.0


class WordLevels:
    """Ridge regression of a sentence's level on each of its words.

    A sentence is about as hard as its hardest words, so their extremes tell more than the
    mean of their vectors does. One column a class, from the word and random Fourier
    features of it.
    """

    def __init__(self, columns: slice, *, n_classes: int, seed: int) -> None:
        self._columns = columns
        self._n_classes = n_classes
        self._waves = RBFSampler(gamma=0.3, n_components=N_WAVES, random_state=seed)
        self._ridge = Ridge(RIDGE)

    def fit(self, words: np.ndarray, codes: np.ndarray) -> "WordLevels":
        """Learn from the words of sentences and the codes of the sentences."""
        sizes = np.array([len(rows) for rows in words])
        stacked = np.vstack(words)[:, self._columns]
        self._waves.fit(stacked[:1])
        weight = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes)
        truth = np.eye(self._n_classes)[np.repeat(codes, sizes)]
        self._ridge.fit(self._inputs(stacked), truth, sample_weight=weight)
        return self

    def of_sentences(self, words: np.ndarray) -> np.ndarray:
        """Mean and extremes of the words' levels. -> (n_sentences, n_summaries(n_classes))"""
        found = np.zeros((len(words), n_summaries(self._n_classes)))
        sizes = np.array([len(rows) for rows in words])
        if not sizes.sum():
            return found
        given = self._ridge.predict(self._inputs(np.vstack(words)[:, self._columns]))
        for row, p in enumerate(np.split(given, sizes.cumsum()[:-1])):
            if len(p):
                found[row] = _summary(p)
        return found

    def _inputs(self, stacked: np.ndarray) -> np.ndarray:
        return np.hstack([stacked, self._waves.transform(stacked)]).astype(np.float32)


def n_summaries(n_classes: int) -> int:
    """How many columns `WordLevels.of_sentences` gives."""
    return 3 * n_classes + 6


def _summary(p: np.ndarray) -> np.ndarray:
    """Words' classes (n_words, n_classes) -> mean, maximum and top three; spread of the levels."""
    levels = np.sort(p @ np.arange(p.shape[1]))
    quantiles = np.quantile(levels, [0.75, 0.9])
    spread = [levels[-1], levels[-3:].mean(), levels[0], *quantiles, levels.std()]
    return np.concatenate(
        [p.mean(axis=0), p.max(axis=0), np.sort(p, axis=0)[-3:].mean(axis=0), spread]
    )
