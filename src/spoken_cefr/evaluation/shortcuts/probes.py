"""Cheap models that ask what a vector gives away: one vector a recording, cross-validated.

A probe finds the nearest class mean among a few principal components (a linear
discriminant with a ridge and no class preferred). It asks whether something can
be read from the vector at all, not how well it could be read. Class means are
linear in the labels: the components are computed once, and a thousand
permutations of the labels are a matrix product with them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import eigh
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from spoken_cefr.corpus.speakers import N_FOLDS
from spoken_cefr.evaluation.scores.intervals import Asked
from spoken_cefr.evaluation.scores.metrics import quadratic_weighted_kappa

N_COMPONENTS = 32
# Two classes are the least to tell apart, two folds the least to do it by.
MIN_CLASSES = MIN_FOLDS = 2
# Distances that differ by less are equal: their order would be that of rounding errors.
TIE = 1e-9
N_AT_ONCE = 100  # permutations; a product of more needs much memory
FOLDS, PERMUTATIONS = 0, 1  # random numbers of one must not be those of the other


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
    n_classes: int
    n_dropped: int

    def answered(self, repeats: Sequence[Sequence["Fold"]]) -> Asked:
        """What the probe answers in each repeat of a cross-validation."""
        (given,) = answers_to(repeats, self.codes[None], n_classes=self.n_classes)
        return Asked(self.codes, given, self.speakers, self.n_classes)


def question(vectors: pd.DataFrame, target: Target, speakers: pd.Series) -> Question:
    """Put together the recordings of which both the vector and the target are known.

    Vectors have the index recording_id; speakers are those of all recordings of the split.
    """
    names = speakers.index.intersection(vectors.index).intersection(target.codes.index)
    names = names.sort_values()
    return Question(
        values=vectors.loc[names].to_numpy(dtype=np.float64),
        codes=target.codes.loc[names].to_numpy(dtype=np.int64),
        speakers=speakers.loc[names].to_numpy(dtype=str),
        recording_ids=names.to_numpy(dtype=str),
        n_classes=len(target.classes),
        n_dropped=len(speakers) - len(names),
    )


class Fold(NamedTuple):
    """Numbers of the rows to train on and to test on; the components of both, (n_rows, r)."""

    train: np.ndarray
    test: np.ndarray
    trained: np.ndarray
    tested: np.ndarray


def usable_folds(asked: Question) -> int:
    """How many folds the recordings allow: at most 5; 0 if nothing can be asked of them."""
    n_folds = min(N_FOLDS, np.unique(asked.speakers).size)
    enough = np.unique(asked.codes).size >= MIN_CLASSES and n_folds >= MIN_FOLDS
    return n_folds if enough else 0


def cross_validation(
    asked: Question, *, n_repeats: int, n_folds: int, seed: int, n_train_speakers: int | None = None
) -> list[list[Fold]]:
    """All of a probe that does not depend on the labels: the folds of each repeat.

    Speakers are shared out at random, as many to each fold, and no label is looked
    at: folds that are balanced by the true labels would favour these over permuted ones.
    ``n_train_speakers`` are drawn at random from those of the other folds; by default all.
    """
    names, index = np.unique(asked.speakers, return_inverse=True)
    repeats = []
    for repeat in range(n_repeats):
        rng = np.random.default_rng([FOLDS, seed, repeat])
        number = (rng.permutation(names.size) % n_folds)[index]
        folds = []
        for fold in range(n_folds):
            train, test = np.flatnonzero(number != fold), np.flatnonzero(number == fold)
            if n_train_speakers is not None:
                train = _of_some_speakers(train, asked.speakers, n_train_speakers, rng)
            folds.append(Fold(train, test, *components(asked.values[train], asked.values[test])))
        repeats.append(folds)
    return repeats


def components(train: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of the training rows, and other rows in the same ones.

    Missing values become the median of the training rows, and features are scaled by
    their spread. Components are divided by theirs, to which the mean over all
    directions that the rows could span is added: weak ones are held down by a rule
    that looks at no label.

    (n_train, n_features) and (n_rows, n_features) -> (n_train, r) and (n_rows, r),
    where r is ``N_COMPONENTS``, or fewer where there are fewer rows or features.
    """
    steps = SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    scaled = make_pipeline(*steps).fit(train)
    z = scaled.transform(train)
    n_rows, n_features = z.shape
    n_kept = min(N_COMPONENTS, n_rows, n_features)
    if n_features < n_rows:  # both are exact; this is the faster one for many rows
        kept = (n_features - n_kept, n_features - 1)
        squares, directions = eigh(z.T @ z, subset_by_index=kept)
    else:
        _, singular, rotation = np.linalg.svd(z, full_matrices=False)
        squares, directions = singular[:n_kept] ** 2, rotation[:n_kept].T
    spread = np.sqrt(np.maximum(squares, 0) / n_rows + squares.sum() / n_rows**2)
    # Features that are all constant have no spread.
    directions = directions / np.where(spread > 0, spread, 1)
    return z @ directions, scaled.transform(rows) @ directions


def answers_to(
    repeats: Sequence[Sequence[Fold]], codes: np.ndarray, *, n_classes: int
) -> np.ndarray:
    """Answer every recording by models that were not trained on its speaker.

    The class of the nearest mean, whether it is common or rare: were common ones
    preferred, the class that happens to be rarer in training would be so in every
    fold that tests it, and chance would be far below a kappa of 0. The lowest class of
    equally near ones.

    From labels (n_sets, n) to train on, all sets in one product,
    -> (n_sets, n_repeats, n), int
    """
    n_sets, n = codes.shape
    indicators = (codes.T[..., None] == np.arange(n_classes)).astype(np.float64)
    given = np.empty((n_sets, len(repeats), n), dtype=np.int64)
    for repeat, folds in enumerate(repeats):
        for fold in folds:
            of_class = indicators[fold.train]
            counts = of_class.sum(axis=0)
            sums = fold.trained.T @ of_class.reshape(fold.train.size, n_sets * n_classes)
            means = sums / np.maximum(counts, 1).ravel()
            # Half the squared distance, less what is the same for all classes.
            distances = (means**2).sum(axis=0) / 2 - fold.tested @ means
            distances = distances.reshape(fold.test.size, *counts.shape) + TIE * np.arange(
                n_classes
            )
            distances[:, counts == 0] = np.inf
            given[:, repeat, fold.test] = distances.argmin(axis=-1).T
    return given


def permuted_rows(speakers: np.ndarray, *, n_permutations: int, seed: Sequence[int]) -> np.ndarray:
    """Whose label each recording gets when speakers get the labels of others, drawn at random.

    Recordings of one speaker resemble each other in label and in sound. If
    labels were shuffled over recordings, that tie would be cut and chance
    would look smaller than it is. A speaker with more recordings than the one
    whose labels they get repeats those. Row numbers -> (n_permutations, n), int
    """
    rng = np.random.default_rng(list(seed))
    _, mine, counts = np.unique(speakers, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    theirs = rng.permuted(np.tile(np.arange(counts.size), (n_permutations, 1)), axis=1)[:, mine]
    # The rows of the first speaker in random order, then those of the second, and so on.
    shuffled = np.argsort(mine + rng.random((n_permutations, mine.size)), axis=1)
    in_order = np.argsort(mine, kind="stable")
    number = np.empty_like(mine)
    number[in_order] = np.arange(mine.size) - first[mine[in_order]]
    return np.take_along_axis(shuffled, first[theirs] + number % counts[theirs], axis=1)


def permuted_codes(codes: np.ndarray, speakers: np.ndarray, *, seed: Sequence[int]) -> np.ndarray:
    """Give each speaker the labels of another, once. -> (n,), int"""
    return codes[permuted_rows(speakers, n_permutations=1, seed=seed)[0]]


def permuted_kappas(
    repeats: Sequence[Sequence[Fold]], asked: Question, *, n_permutations: int, seed: int
) -> np.ndarray:
    """Kappa of the probe when there is nothing to learn. -> (n_permutations,)

    Each is the mean over the repeats of the cross-validation that answers the true
    labels, so that like is held against like. NaN where all drawn labels are the same.
    """
    rows = permuted_rows(asked.speakers, n_permutations=n_permutations, seed=[PERMUTATIONS, seed])
    k = asked.n_classes
    kappas = [
        _kappas(codes, answers_to(repeats, codes, n_classes=k), k)
        for codes in np.array_split(asked.codes[rows], -(-n_permutations // N_AT_ONCE) or 1)
    ]
    return np.concatenate(kappas)


def _kappas(codes: np.ndarray, given: np.ndarray, n_classes: int) -> np.ndarray:
    """Mean over repeats; codes (n_sets, n), given (n_sets, n_repeats, n) -> (n_sets,)"""
    n_sets, n_repeats, _ = given.shape
    matrix = np.arange(n_sets * n_repeats).reshape(n_sets, n_repeats, 1)
    cells = (matrix * n_classes + codes[:, None]) * n_classes + given
    counts = np.bincount(cells.ravel(), minlength=matrix.size * n_classes**2)
    matrices = counts.reshape(n_sets, n_repeats, n_classes, n_classes)
    return quadratic_weighted_kappa(matrices).mean(axis=1)


def _of_some_speakers(
    rows: np.ndarray, speakers: np.ndarray, n_speakers: int, rng: np.random.Generator
) -> np.ndarray:
    names = np.unique(speakers[rows])
    drawn = rng.choice(names, min(n_speakers, names.size), replace=False)
    return rows[np.isin(speakers[rows], drawn)]
