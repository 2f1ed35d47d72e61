"""The rows of ``audit.csv`` and ``learning_curve.csv``: what they may say, and how each is scored.

Strata are of shape (n,), str, as the units that were asked.
"""

import numpy as np
import pandas as pd

from spoken_cefr.evaluation.scores.intervals import (
    Asked,
    Bootstrap,
    Interval,
    interval_of,
    resample,
    speaker_intervals,
    speaker_matrices,
)
from spoken_cefr.evaluation.scores.metrics import METRICS, Metric

# What is heard of a recording, or what is learned from it.
WHOLE, CROP, WITHIN = "whole recording", "fixed-length crop", "within duration classes"
SILENCE, PERMUTED = "silence only", "labels permuted"
AS_IT_IS = "as it is"  # a mark: of a model that is what its name says

AUDIT_MEASURES = {"accuracy": METRICS["accuracy"], "kappa": METRICS["quadratic_weighted_kappa"]}
AUDIT_COLUMNS: tuple[str, ...] = (
    *("kind", "model", "condition", "target", "n", "n_speakers", "n_dropped", "chance"),
    *(f"{name}{end}" for name in AUDIT_MEASURES for end in ("", "_low", "_high")),
    *("permuted_kappa", "permuted_kappa_high", "p_value"),
)
CURVE_MEASURES = {n: METRICS[n] for n in ("accuracy", "macro_f1", "quadratic_weighted_kappa")}
CURVE_COLUMNS: tuple[str, ...] = (
    *("kind", "model", "n_train_speakers", "n", "n_speakers", "n_repeats"),
    *(f"{name}{end}" for name in CURVE_MEASURES for end in ("", "_low", "_high")),
)


def marks_of(audit: pd.DataFrame) -> pd.Series:
    """What the figure and the paragraph tell apart of each row of ``audit.csv``.

    ``AS_IT_IS``, ``WITHIN``, or ``SILENCE`` and ``PERMUTED`` of a run that was trained
    again on these. A probe of silence is what it is: it has a name of its own.
    """
    again = (audit["kind"] == "run") & audit["condition"].isin((SILENCE, PERMUTED))
    return audit["condition"].where(again | (audit["condition"] == WITHIN), AS_IT_IS)


def audit_rows(
    asked: Asked,
    shared: dict[str, object],
    bootstrap: Bootstrap,
    *,
    strata: np.ndarray | None = None,
) -> list[dict[str, object]]:
    """A row for all units, and one within strata if there are several.

    ``shared`` holds the columns that do not depend on the answers, the condition among them.
    """
    row = shared | {
        "n": asked.truth.size,
        "n_speakers": np.unique(asked.speakers).size,
        "chance": float(np.bincount(asked.truth).max() / asked.truth.size),
    }
    rows = [row | _columns(speaker_intervals(AUDIT_MEASURES, asked, bootstrap))]
    if strata is not None and np.unique(strata).size > 1:
        within = within_strata(asked, strata, bootstrap)
        rows.append(row | {"condition": WITHIN} | _columns(within))
    return rows


def within_strata(asked: Asked, strata: np.ndarray, bootstrap: Bootstrap) -> dict[str, Interval]:
    """The measures of the audit within strata, averaged by their number of units.

    A mean over the repeats. A stratum in which kappa is undefined is left out of its mean.
    """
    names, stratum = np.unique(strata, return_inverse=True)
    # Strata are blocks of one matrix, so that all see the same drawn speakers.
    truth, predicted, speakers, k = asked
    shift, size = k * stratum, k * names.size
    sums = speaker_matrices(Asked(truth + shift, predicted + shift, speakers, size))
    blocks = [sums[..., a : a + k, a : a + k] for a in range(0, size, k)]
    by_speaker = np.stack(blocks, axis=2)  # (n_speakers, n_repeats, n_strata, k, k)
    drawn = resample(by_speaker, bootstrap)
    return {
        name: interval_of(
            _mean_within(metric, by_speaker.sum(axis=0)),
            _mean_within(metric, drawn),
            bootstrap,
            n_speakers=len(by_speaker),
        )
        for name, metric in AUDIT_MEASURES.items()
    }


def _mean_within(metric: Metric, matrices: np.ndarray) -> np.ndarray:
    """Weighted mean of a measure over strata, then over repeats. (..., r, s, k, k) -> (...)"""
    values = metric(matrices)
    weights = np.where(np.isnan(values), 0, matrices.sum(axis=(-2, -1)))
    total = weights.sum(axis=-1)
    sums = (np.nan_to_num(values) * weights).sum(axis=-1)
    means = np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)
    return means.mean(axis=-1)


def curve_row(asked: Asked, shared: dict[str, object], bootstrap: Bootstrap) -> dict[str, object]:
    """A point of the learning curve; ``shared`` holds kind, model and n_train_speakers."""
    counts = {"n": asked.truth.size, "n_speakers": np.unique(asked.speakers).size}
    counts["n_repeats"] = len(asked.predicted)
    return shared | counts | _columns(speaker_intervals(CURVE_MEASURES, asked, bootstrap))


def _columns(intervals: dict[str, Interval]) -> dict[str, float]:
    row = {}
    for name, (value, low, high) in intervals.items():
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return row
