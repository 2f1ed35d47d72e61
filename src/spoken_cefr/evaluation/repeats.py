"""Cross-validation over speakers, repeated: folds, and intervals of the mean over repeats."""

import warnings
from collections.abc import Iterator, Mapping

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from spoken_cefr.evaluation.bootstrap import Interval, interval_of, resample, speaker_matrices
from spoken_cefr.evaluation.metrics import Metric

N_FOLDS = 5


def speaker_folds(
    codes: np.ndarray, speakers: np.ndarray, *, seed: int, n_folds: int = N_FOLDS
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows to train on and rows to answer, no speaker in both.

    Folds are stratified by code as far as whole speakers allow.

    Parameters
    ----------
    codes : np.ndarray, shape (n,), int
    speakers : np.ndarray, shape (n,), str

    Raises
    ------
    ValueError
        If there are fewer speakers than folds.
    """
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class rarer than the number of folds is expected here.
        warnings.filterwarnings("ignore", message="The least populated class in y")
        yield from splitter.split(codes, codes, groups=speakers)


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
