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
    matrices = [
        speaker_matrices(truth, answer, speakers, n_classes=n_classes) for answer in answers
    ]
    drawn = [resample(one, n_bootstrap=n_bootstrap, seed=seed) for one in matrices]
    return {
        name: interval_of(
            np.mean([metric(one.sum(axis=0)) for one in matrices]),
            np.mean([metric(one) for one in drawn], axis=0),
            n_speakers=len(matrices[0]),
            confidence=confidence,
        )
        for name, metric in metrics.items()
    }
