"""How well each level is found, with the two kinds of interval side by side."""

from collections.abc import Sequence

import numpy as np

from spoken_cefr.evaluation.bootstrap import speaker_intervals
from spoken_cefr.evaluation.metrics import class_metrics, confusion_matrix
from spoken_cefr.evaluation.proportions import wilson_interval

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

    Returns
    -------
    list of dict
        level, measure (recall, precision), n_right, n (units of the level, or
        answers of it), value (NaN where n is 0), wilson_low, wilson_high, and
        low, high over speakers: NaN where fewer than two speakers have the
        level, because no resampling could vary it.
    """
    matrix = confusion_matrix(truth, predicted, n_classes=len(levels))
    over_speakers = speaker_intervals(
        class_metrics(levels),
        truth,
        predicted,
        speakers,
        n_classes=len(levels),
        n_bootstrap=n_bootstrap,
        confidence=confidence,
        seed=seed,
    )
    rows = []
    for code, level in enumerate(levels):
        for measure, having in zip(MEASURES, (truth, predicted), strict=True):
            n_right = int(matrix[code, code])
            n = int((having == code).sum())
            low, high = wilson_interval(n_right, n, confidence=confidence)
            interval = over_speakers[f"{measure}_{level}"]
            several = np.unique(speakers[having == code]).size > 1
            rows.append(
                {
                    "level": level,
                    "measure": measure,
                    "n_right": n_right,
                    "n": n,
                    "value": interval.value,
                    "wilson_low": low,
                    "wilson_high": high,
                    "low": interval.low if several else np.nan,
                    "high": interval.high if several else np.nan,
                }
            )
    return rows
