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


class Bootstrap(NamedTuple):
    """How often speakers are drawn, what share of the draws an interval holds, and the seed.

    One seed gives one series of draws: what is compared sees the same speakers in each.
    """

    n_bootstrap: int
    confidence: float
    seed: int


def bootstrap_of(config: Config) -> Bootstrap:
    """As the profile says."""
    return Bootstrap(config.evaluation.n_bootstrap, config.evaluation.confidence, config.seed)


class Asked(NamedTuple):
    """Units, in any order, and what was answered to each of them.

    Truth (n,) and answers (n,) or (n_repeats, n) are codes from 0 to ``n_classes - 1``,
    speakers (n,) names.
    """

    truth: np.ndarray
    predicted: np.ndarray
    speakers: np.ndarray
    n_classes: int


def speaker_intervals(
    metrics: Mapping[str, Metric], asked: Asked, bootstrap: Bootstrap
) -> dict[str, Interval]:
    """Estimate each measure, a function of a stack of confusion matrices, with an interval.

    Of units answered anew in each repeat the mean over repeats is estimated; each
    resampling draws the same speakers for all of them. One in which a measure is undefined
    is left out of its interval. With fewer than two speakers low and high are NaN.
    """
    n_speakers = np.unique(asked.speakers).size
    return {
        name: interval_of(value, drawn, bootstrap, n_speakers=n_speakers)
        for name, (value, drawn) in _means(metrics, asked, bootstrap).items()
    }


def paired_differences(
    metrics: Mapping[str, Metric], ours: Asked, theirs: Asked, bootstrap: Bootstrap
) -> dict[str, Interval]:
    """Estimate ours minus theirs, two answers to the same units, on the same drawn speakers."""
    means = [_means(metrics, asked, bootstrap) for asked in (ours, theirs)]
    n_speakers = np.unique(ours.speakers).size
    differences = {
        name: [one - other for one, other in zip(*(each[name] for each in means), strict=True)]
        for name in metrics
    }
    return {
        name: interval_of(*both, bootstrap, n_speakers=n_speakers)
        for name, both in differences.items()
    }


def mean_interval(values: np.ndarray, speakers: np.ndarray, bootstrap: Bootstrap) -> Interval:
    """Estimate the mean of a measure of units, such as the log loss; both arrays of shape (n,)."""
    names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    sums = np.column_stack(
        [np.bincount(index, weights=values), np.bincount(index).astype(np.float64)]
    )
    drawn = resample(sums, bootstrap)
    return interval_of(np.mean(values), drawn[:, 0] / drawn[:, 1], bootstrap, n_speakers=names.size)


def _means(
    metrics: Mapping[str, Metric], asked: Asked, bootstrap: Bootstrap
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of each measure the mean over repeats, and that of each resampling, (n_bootstrap,)."""
    matrices = speaker_matrices(asked)
    drawn = np.moveaxis(resample(matrices, bootstrap), 1, 0)  # one product for all repeats
    return {
        name: (metric(matrices.sum(axis=0)).mean(), metric(drawn).mean(axis=0))
        for name, metric in metrics.items()
    }


def speaker_matrices(asked: Asked) -> np.ndarray:
    """Confusion matrices of each speaker, in order of their names.

    -> (n_speakers, n_repeats, k, k), int64
    """
    truth, predicted, speakers, k = asked
    if truth.size == 0 or truth.shape != np.shape(speakers):
        raise ValueError(f"{truth.size} units but {np.size(speakers)} speakers")
    names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    answers = np.atleast_2d(predicted)
    matrices = np.zeros((names.size, len(answers), k, k), dtype=np.int64)
    for repeat, answer in enumerate(answers):
        check_codes(truth, answer, n_classes=k)
        np.add.at(matrices, (index, repeat, truth, answer), 1)
    return matrices


def resample(sums: np.ndarray, bootstrap: Bootstrap) -> np.ndarray:
    """Draw as many speakers as there are, with replacement, and add up their sums.

    (n_speakers, ...) -> (n_bootstrap, ...), float64
    """
    weights = speaker_weights(len(sums), bootstrap)
    flat = weights @ sums.reshape(len(sums), -1)
    return flat.reshape(bootstrap.n_bootstrap, *sums.shape[1:])


def speaker_weights(n_speakers: int, bootstrap: Bootstrap) -> np.ndarray:
    """How often each speaker is drawn. -> (n_bootstrap, n_speakers), float64

    Floats, because the product with them then runs in BLAS; counts stay exact.
    """
    shares = np.full(n_speakers, 1 / n_speakers)
    rng = np.random.default_rng(bootstrap.seed)
    drawn = rng.multinomial(n_speakers, shares, size=bootstrap.n_bootstrap)
    return drawn.astype(np.float64)


def interval_of(
    value: np.ndarray, resampled: np.ndarray, bootstrap: Bootstrap, *, n_speakers: int
) -> Interval:
    """The percentile interval of resampled values, shape (n_bootstrap,); NaN ones are left out."""
    defined = resampled[~np.isnan(resampled)]
    if n_speakers < 2 or defined.size == 0:
        return Interval(float(value), float("nan"), float("nan"))
    tail = (1 - bootstrap.confidence) / 2
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
