"""Cheap models that ask what a vector gives away: one vector a recording, cross-validated.

A probe is a logistic regression on a few principal components. It asks whether
something can be read from the vector at all, not how well it could be read.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from spoken_cefr.evaluation.metrics import confusion_matrix, quadratic_weighted_kappa
from spoken_cefr.speakers import N_FOLDS, speaker_folds

N_COMPONENTS = 32
# Two classes are the least to tell apart, two folds the least to do it by.
MIN_CLASSES = MIN_FOLDS = 2


class Target(NamedTuple):
    """What is to be read: the code of each recording, and the names of the classes in order.

    ``codes`` is a Series by recording_id; recordings for which it is unknown
    are not in it.
    """

    codes: pd.Series
    classes: tuple[str, ...]


class Question(NamedTuple):
    """The rows of a probe: arrays of shape (n, ...), and how many recordings were left out."""

    values: np.ndarray
    codes: np.ndarray
    speakers: np.ndarray
    recording_ids: np.ndarray
    n_dropped: int


def question(vectors: pd.DataFrame, target: Target, speakers: pd.Series) -> Question:
    """Put together the recordings of which both the vector and the target are known.

    Parameters
    ----------
    vectors : pd.DataFrame
        Index recording_id.
    speakers : pd.Series
        speaker_id by recording_id: all recordings of the split.
    """
    names = speakers.index.intersection(vectors.index).intersection(target.codes.index)
    names = names.sort_values()
    return Question(
        values=vectors.loc[names].to_numpy(dtype=np.float64),
        codes=target.codes.loc[names].to_numpy(dtype=np.int64),
        speakers=speakers.loc[names].to_numpy(dtype=str),
        recording_ids=names.to_numpy(dtype=str),
        n_dropped=len(speakers) - len(names),
    )


def usable_folds(asked: Question) -> int:
    """How many folds the recordings allow: at most 5; 0 if nothing can be asked of them."""
    if asked.codes.size == 0:
        return 0
    counts = np.bincount(asked.codes)
    n_folds = min(N_FOLDS, np.unique(asked.speakers).size, int(counts.max()))
    enough = (counts > 0).sum() >= MIN_CLASSES and n_folds >= MIN_FOLDS
    return n_folds if enough else 0


def answers(
    asked: Question,
    *,
    n_repeats: int,
    n_folds: int,
    seed: int,
    n_train_speakers: int | None = None,
) -> np.ndarray:
    """Answer every recording by a model that was not trained on its speaker.

    Parameters
    ----------
    n_train_speakers : int, optional
        Train on so many speakers, drawn at random from those of the other
        folds; all of them by default.

    Returns
    -------
    np.ndarray, shape (n_repeats, n), int
    """
    given = np.empty((n_repeats, asked.codes.size), dtype=np.int64)
    for repeat in range(n_repeats):
        rng = np.random.default_rng([seed, repeat])
        folds = speaker_folds(asked.codes, asked.speakers, seed=seed + repeat, n_folds=n_folds)
        for train, test in folds:
            if n_train_speakers is not None:
                train = _of_some_speakers(train, asked.speakers, n_train_speakers, rng)
            given[repeat, test] = fit_and_answer(
                asked.values[train], asked.codes[train], asked.values[test]
            )
    return given


def fit_and_answer(train: np.ndarray, codes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Train a probe on some rows and answer others. -> (n_rows,), int"""
    if np.unique(codes).size == 1:  # nothing to tell apart, and scikit-learn refuses
        return np.full(len(rows), codes[0])
    return probe(len(train), train.shape[1]).fit(train, codes).predict(rows)


def probe(n_rows: int, n_features: int) -> Pipeline:
    """An unfitted probe: missing values as the median, scaled, reduced, logistic regression."""
    steps = [SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()]
    n_components = min(N_COMPONENTS, n_rows - 1)
    if n_features > n_components:
        # Both exact; the first needs only the features' covariance, the second fits few rows.
        solver = "covariance_eigh" if n_rows > n_features else "full"
        steps.append(PCA(n_components, whiten=True, svd_solver=solver))
    return make_pipeline(*steps, LogisticRegression(max_iter=1000))


def permuted_codes(codes: np.ndarray, speakers: np.ndarray, *, seed: Sequence[int]) -> np.ndarray:
    """Give each speaker the labels of another, drawn at random.

    Recordings of one speaker resemble each other in label and in sound. If
    labels were shuffled over recordings, that tie would be cut and chance
    would look smaller than it is. A speaker with more recordings than the one
    whose labels they get repeats those.

    Returns
    -------
    np.ndarray, shape (n,), int
    """
    rng = np.random.default_rng(list(seed))
    names, index = np.unique(speakers, return_inverse=True)
    order = rng.permutation(names.size)
    permuted = np.empty_like(codes)
    for mine, theirs in enumerate(order):
        rows = np.flatnonzero(index == mine)
        labels = rng.permutation(codes[index == theirs])
        permuted[rows] = np.resize(labels, rows.size)
    return permuted


def permuted_kappas(
    asked: Question, *, n_classes: int, n_permutations: int, n_folds: int, seed: int
) -> np.ndarray:
    """Kappa of the probe when there is nothing to learn. -> (n_permutations,)

    Each is of one cross-validation. What it is held against is a mean of several,
    which varies less: a p-value from both errs towards "by chance".
    """
    kappas = []
    for number in range(n_permutations):
        codes = permuted_codes(asked.codes, asked.speakers, seed=[seed, number])
        told = asked._replace(codes=codes)
        n = min(n_folds, usable_folds(told))
        if n < MIN_FOLDS:
            continue
        given = answers(told, n_repeats=1, n_folds=n, seed=seed + number)[0]
        kappas.append(quadratic_weighted_kappa(confusion_matrix(codes, given, n_classes=n_classes)))
    return np.asarray(kappas, dtype=np.float64)


def _of_some_speakers(
    rows: np.ndarray, speakers: np.ndarray, n_speakers: int, rng: np.random.Generator
) -> np.ndarray:
    names = np.unique(speakers[rows])
    drawn = rng.choice(names, min(n_speakers, names.size), replace=False)
    return rows[np.isin(speakers[rows], drawn)]
