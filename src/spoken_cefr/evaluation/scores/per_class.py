"""How well each level is found, with the two kinds of interval side by side."""

from collections.abc import Sequence

import numpy as np

from spoken_cefr.evaluation.scores.bootstrap import speaker_intervals
from spoken_cefr.evaluation.scores.metrics import class_metrics, confusion_matrix
from spoken_cefr.evaluation.scores.proportions import wilson_interval

MEASURES: tuple[str, ...] = ("recall", "precision")


def per_class_rows(
    truth: np.ndarray,
    predicted: np.ndarray,
    speakers: np.ndarray,
    *,
    levels: Sequence[str],
    n_bootstrap: int,
    confidence: float,
    seed: int,
) -> list[dict[str, object]]:
    """Recall and precision of each level.

    Parameters
    ----------
    predicted : np.ndarray, shape (n_seeds, n), int

    Returns
    -------
    list of dict
        level, measure (recall, precision), n_right, n (units of the level, or
        answers of it; means over seeds), value (NaN where n is 0), wilson_low, wilson_high, and
        low, high over speakers: NaN where fewer than two speakers have the
        level, because no resampling could vary it.
    """
    n_classes = len(levels)
    matrix = np.mean(
        [confusion_matrix(truth, answers, n_classes=n_classes) for answers in predicted], axis=0
    )
    over_speakers = speaker_intervals(
        class_metrics(levels),
        truth,
        predicted,
        speakers,
        n_classes=n_classes,
        n_bootstrap=n_bootstrap,
        confidence=confidence,
        seed=seed,
    )
    rows = []
    for code, level in enumerate(levels):
        having = (truth == code, (predicted == code).any(axis=0))
        for measure, chosen, n in zip(
            MEASURES, having, (matrix[code].sum(), matrix[:, code].sum()), strict=True
        ):
            n_right = matrix[code, code]
            # Wilson's interval counts; those of several seeds are rounded.
            low, high = wilson_interval(round(n_right), round(n), confidence=confidence)
            interval = over_speakers[f"{measure}_{level}"]
            several = np.unique(speakers[chosen]).size > 1
            rows.append(
                {
                    "level": level,
                    "measure": measure,
                    "n_right": float(n_right),
                    "n": float(n),
                    "value": interval.value,
                    "wilson_low": low,
                    "wilson_high": high,
                    "low": interval.low if several else np.nan,
                    "high": interval.high if several else np.nan,
                }
            )
    return rows
