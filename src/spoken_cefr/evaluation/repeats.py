"""Cross-validation over speakers, repeated: intervals of the mean over repeats."""

from collections.abc import Mapping

import numpy as np

from spoken_cefr.evaluation.bootstrap import Interval, interval_of, resample, speaker_matrices
from spoken_cefr.evaluation.metrics import Metric

N_FOLDS = 5


def repeated_intervals(
    metrics: Mapping[str, Metric],
    truth: np.ndarray,
    answers: np.ndarray,
    speakers: np.ndarray,
    *,
    n_classes: int,
    n_bootstrap: int,
    confidence: float,
    seed: int,
) -> dict[str, Interval]:
    """Mean of each measure over repeats, with an interval over speakers.

    Parameters
    ----------
    truth : np.ndarray, shape (n,), int
    answers : np.ndarray, shape (n_repeats, n), int
        Of the same units, answered anew in each repeat. Each resampling draws
        the same speakers for all repeats.
    speakers : np.ndarray, shape (n,), str
    """
    options = {"n_classes": n_classes, "n_bootstrap": n_bootstrap, "seed": seed}
    means = _means(metrics, truth, answers, speakers, **options)
    n_speakers = np.unique(speakers).size
    return {
        name: interval_of(value, drawn, n_speakers=n_speakers, confidence=confidence)
        for name, (value, drawn) in means.items()
    }


def repeated_differences(
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
    """Mean over repeats of first minus second, both scored on the same drawn speakers.

    The parameters are those of :func:`repeated_intervals`; ``first`` and
    ``second``, each of shape (n_repeats, n), are two answers to the same units.
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
    matrices = [
        speaker_matrices(truth, answer, speakers, n_classes=n_classes) for answer in answers
    ]
    drawn = [resample(one, n_bootstrap=n_bootstrap, seed=seed) for one in matrices]
    return {
        name: (
            np.mean([metric(one.sum(axis=0)) for one in matrices]),
            np.mean([metric(one) for one in drawn], axis=0),
        )
        for name, metric in metrics.items()
    }
