"""Measures of a classification into ordered levels.

Every function but the two that read units takes a confusion matrix: rows are
the true level, columns the predicted one, entries are counts. A stack of them,
shape (..., k, k), gives a stack of values, which is what makes the bootstrap
fast: one formula serves the estimate and its thousand resamplings.

A class that is absent from the truth has no recall (NaN) and is left out of
macro averages: nothing is known about it. Answers that name it are errors all
the same.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

Metric = Callable[[np.ndarray], np.ndarray]


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, *, n_classes: int) -> np.ndarray:
    """Count the pairs of true and predicted class, codes of shape (n,).

    -> (n_classes, n_classes), int64; rows are the truth. ValueError if the lengths
    differ or a code is out of range.
    """
    check_codes(truth, predicted, n_classes=n_classes)
    pairs = np.bincount(truth * n_classes + predicted, minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes)


def check_codes(truth: np.ndarray, predicted: np.ndarray, *, n_classes: int) -> None:
    """Raise ValueError unless both are as long and hold codes of the classes only."""
    if truth.shape != predicted.shape:
        raise ValueError(f"{truth.size} true levels but {predicted.size} predicted ones")
    for name, codes in (("true", truth), ("predicted", predicted)):
        if codes.size and (codes.min() < 0 or codes.max() >= n_classes):
            raise ValueError(f"a {name} level is not a code from 0 to {n_classes - 1}")


def accuracy(matrix: np.ndarray) -> np.ndarray:
    """Share of right answers. (..., k, k) -> (...)"""
    return _ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum(axis=(-2, -1)))


def recall(matrix: np.ndarray) -> np.ndarray:
    """Share of each true class that was found; NaN where it is absent. -> (..., k)"""
    return _ratio(_diagonal(matrix), matrix.sum(axis=-1))


def precision(matrix: np.ndarray) -> np.ndarray:
    """Share of each answer that was right; NaN where it was never given. -> (..., k)"""
    return _ratio(_diagonal(matrix), matrix.sum(axis=-2))


def balanced_accuracy(matrix: np.ndarray) -> np.ndarray:
    """Mean recall over the classes that the truth holds. (..., k, k) -> (...)"""
    return _mean_over_present(recall(matrix), matrix)


def macro_f1(matrix: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that the truth holds. (..., k, k) -> (...)"""
    f1 = _ratio(2 * _diagonal(matrix), matrix.sum(axis=-1) + matrix.sum(axis=-2))
    return _mean_over_present(f1, matrix)


def quadratic_weighted_kappa(matrix: np.ndarray) -> np.ndarray:
    """Agreement beyond chance, errors weighted by their squared distance in levels.

    1 for perfect answers, 0 for any constant answer. NaN where it is undefined:
    truth and answers all of one and the same level.

    Cohen (1968), "Weighted kappa", Psychological Bulletin 70(4).
    """
    weights = _distances(matrix) ** 2
    observed = (weights * matrix).sum(axis=(-2, -1))
    chance = matrix.sum(axis=-1)[..., :, None] * matrix.sum(axis=-2)[..., None, :]
    expected = _ratio((weights * chance).sum(axis=(-2, -1)), matrix.sum(axis=(-2, -1)))
    return 1 - _ratio(observed, expected)


def mean_absolute_error(matrix: np.ndarray) -> np.ndarray:
    """Mean distance in levels between answer and truth. (..., k, k) -> (...)"""
    return _ratio((_distances(matrix) * matrix).sum(axis=(-2, -1)), matrix.sum(axis=(-2, -1)))


def within_one_level(matrix: np.ndarray) -> np.ndarray:
    """Share of answers at most one level away: read it beside a constant answer's."""
    near = (_distances(matrix) <= 1) * matrix
    return _ratio(near.sum(axis=(-2, -1)), matrix.sum(axis=(-2, -1)))


# The name of each is that of its column in results.csv.
METRICS: Mapping[str, Metric] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "quadratic_weighted_kappa": quadratic_weighted_kappa,
    "mean_absolute_error": mean_absolute_error,
    "within_one_level": within_one_level,
}


def class_metrics(levels: Sequence[str]) -> dict[str, Metric]:
    """Recall and precision of each level, as functions of a confusion matrix."""
    kinds = {"recall": recall, "precision": precision}
    return {
        f"{kind}_{level}": partial(_of_class, metric, index)
        for kind, metric in kinds.items()
        for index, level in enumerate(levels)
    }


def log_losses(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Negative natural logarithm of the probability given to the true class. -> (n,), float64

    Their mean is the log loss. Probabilities are of shape (n, k); one of 0 counts as
    the smallest step of a float64 (2.2e-16, a loss of 36), as in scikit-learn.
    """
    given = np.asarray(probabilities, dtype=np.float64)[np.arange(truth.size), truth]
    return -np.log(np.clip(given, np.finfo(np.float64).eps, 1.0))


def _of_class(metric: Metric, index: int, matrix: np.ndarray) -> np.ndarray:
    return metric(matrix)[..., index]


def _diagonal(matrix: np.ndarray) -> np.ndarray:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _distances(matrix: np.ndarray) -> np.ndarray:
    codes = np.arange(matrix.shape[-1])
    return np.abs(codes[:, None] - codes[None, :])


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide, NaN where the denominator is 0."""
    numerator = np.asarray(numerator, dtype=np.float64)
    nothing = np.full(np.broadcast_shapes(numerator.shape, np.shape(denominator)), np.nan)
    return np.divide(numerator, denominator, out=nothing, where=np.asarray(denominator) != 0)


def _mean_over_present(per_class: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    present = matrix.sum(axis=-1) > 0
    total = np.where(present, per_class, 0.0).sum(axis=-1)
    return _ratio(total, present.sum(axis=-1))
