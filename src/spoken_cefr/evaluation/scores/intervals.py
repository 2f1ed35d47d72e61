"""Intervals that respect the speakers: whole speakers are drawn, not segments.

Segments of one speaker resemble each other, so intervals over segments are far
too narrow. All measures here are functions of sums over speakers (confusion
counts, losses): a resampling is a weight for each speaker, and a thousand of
them are one matrix product.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

from spoken_cefr.config import Config
from spoken_cefr.evaluation.scores.metrics import Metric, check_codes


class Interval(NamedTuple):
    """An estimate and its bootstrap percentile interval, NaN where there is none."""

    value: float
    low: float
    high: float


def bootstrap_options(config: Config) -> dict[str, float]:
    """The options n_bootstrap, confidence and seed of all functions that resample speakers."""
    options = config.evaluation
    return {
        "n_bootstrap": options.n_bootstrap,
        "confidence": options.confidence,
        "seed": config.seed,
    }


def speaker_intervals(
    metrics: Mapping[str, Metric],
    truth: np.ndarray,
    predicted: np.ndarray,
    speakers: np.ndarray,
    *,
    n_classes: int,
    n_bootstrap: int,
    confidence: float,
    seed: int,
) -> dict[str, Interval]:
    """Estimate each measure with an interval over speakers.

    Parameters
    ----------
    metrics : mapping of str to function
        Functions of a stack of confusion matrices, such as
        :data:`spoken_cefr.evaluation.scores.metrics.METRICS`.
    truth : np.ndarray, shape (n,), int
        Codes from 0 to ``n_classes - 1``.
    predicted : np.ndarray, shape (n,) or (n_repeats, n), int
        Of units answered anew in each repeat the mean over repeats is
        estimated; each resampling draws the same speakers for all of them.
    speakers : np.ndarray, shape (n,), str
        Who is heard. The order of the rows does not matter.

    Returns
    -------
    dict of str to Interval
        A resampling in which a measure is undefined is left out of its
        interval. With fewer than two speakers low and high are NaN.
    """
    options = {"n_classes": n_classes, "n_bootstrap": n_bootstrap, "seed": seed}
    means = _means(metrics, truth, predicted, speakers, **options)
    n_speakers = np.unique(speakers).size
    return {
        name: interval_of(value, drawn, n_speakers=n_speakers, confidence=confidence)
        for name, (value, drawn) in means.items()
    }


def paired_differences(
    metrics: Mapping[str, Metric],
    truth: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    speakers: np.ndarray,
    *,
    n_classes: int,
    n_bootstrap: int,
    confidence: float,
    seed: int,
) -> dict[str, Interval]:
    """Estimate first minus second, both scored on the same drawn speakers.

    The parameters are those of :func:`speaker_intervals`; ``first`` and
    ``second`` are two predictions of the same units.
    """
    options = {"n_classes": n_classes, "n_bootstrap": n_bootstrap, "seed": seed}
    # One seed: both see the same speakers in each resampling.
    a = _means(metrics, truth, first, speakers, **options)
    b = _means(metrics, truth, second, speakers, **options)
    n_speakers = np.unique(speakers).size
    return {
        name: interval_of(
            a[name][0] - b[name][0],
            a[name][1] - b[name][1],
            n_speakers=n_speakers,
            confidence=confidence,
        )
        for name in metrics
    }


def mean_interval(
    values: np.ndarray,
    speakers: np.ndarray,
    *,
    n_bootstrap: int,
    confidence: float,
    seed: int,
) -> Interval:
    """Estimate the mean of a measure of units, such as the log loss; both arrays of shape (n,)."""
    names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    sums = np.column_stack(
        [np.bincount(index, weights=values), np.bincount(index).astype(np.float64)]
    )
    resampled = resample(sums, n_bootstrap=n_bootstrap, seed=seed)
    means = resampled[:, 0] / resampled[:, 1]
    return interval_of(np.mean(values), means, n_speakers=names.size, confidence=confidence)


def _means(
    metrics: Mapping[str, Metric],
    truth: np.ndarray,
    answers: np.ndarray,
    speakers: np.ndarray,
    *,
    n_classes: int,
    n_bootstrap: int,
    seed: int,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of each measure the mean over repeats, and that of each resampling, (n_bootstrap,)."""
    matrices = np.stack(
        [
            speaker_matrices(truth, answer, speakers, n_classes=n_classes)
            for answer in np.atleast_2d(answers)
        ],
        axis=1,
    )  # (n_speakers, n_repeats, k, k): one product for all repeats
    drawn = np.moveaxis(resample(matrices, n_bootstrap=n_bootstrap, seed=seed), 1, 0)
    return {
        name: (metric(matrices.sum(axis=0)).mean(), metric(drawn).mean(axis=0))
        for name, metric in metrics.items()
    }


def speaker_matrices(
    truth: np.ndarray, predicted: np.ndarray, speakers: np.ndarray, *, n_classes: int
) -> np.ndarray:
    """Confusion matrix of each speaker, in order of their names. -> (n_speakers, k, k), int64"""
    check_codes(truth, predicted, n_classes=n_classes)
    if truth.size == 0 or truth.shape != np.shape(speakers):
        raise ValueError(f"{truth.size} units but {np.size(speakers)} speakers")
    names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    matrices = np.zeros((names.size, n_classes, n_classes), dtype=np.int64)
    np.add.at(matrices, (index, truth, predicted), 1)
    return matrices


def resample(sums: np.ndarray, *, n_bootstrap: int, seed: int) -> np.ndarray:
    """Draw as many speakers as there are, with replacement, and add up their sums.

    (n_speakers, ...) -> (n_bootstrap, ...), float64
    """
    weights = speaker_weights(len(sums), n_bootstrap=n_bootstrap, seed=seed)
    flat = weights @ sums.reshape(len(sums), -1)
    return flat.reshape(n_bootstrap, *sums.shape[1:])


def speaker_weights(n_speakers: int, *, n_bootstrap: int, seed: int) -> np.ndarray:
    """How often each speaker is drawn. -> (n_bootstrap, n_speakers), float64

    Floats, because the product with them then runs in BLAS; counts stay exact.
    """
    shares = np.full(n_speakers, 1 / n_speakers)
    drawn = np.random.default_rng(seed).multinomial(n_speakers, shares, size=n_bootstrap)
    return drawn.astype(np.float64)


def interval_of(
    value: np.ndarray, resampled: np.ndarray, *, n_speakers: int, confidence: float
) -> Interval:
    """The percentile interval of resampled values, shape (n_bootstrap,); NaN ones are left out."""
    defined = resampled[~np.isnan(resampled)]
    if n_speakers < 2 or defined.size == 0:
        return Interval(float(value), float("nan"), float("nan"))
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high))


def wilson_interval(n_right: int, n: int, *, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share, NaN where ``n`` is 0: sensible for 0 of 11 too.

    It takes the units as independent. Recordings of one speaker are not quite,
    segments of one recording are not at all: read it beside the interval over
    speakers, which in turn says little about few units.

    Wilson (1927), "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22(158).
    """
    if n == 0:
        return math.nan, math.nan
    interval = binomtest(n_right, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
