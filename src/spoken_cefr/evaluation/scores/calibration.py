"""Is a network right as often as it says? Reliability by bins, and one number for it."""

import numpy as np
import pandas as pd

from spoken_cefr.evaluation.scores.intervals import (
    Bootstrap,
    Interval,
    interval_of,
    resample,
    wilson_interval,
)

N_BINS = 10  # of equal width from 0 to 1, the usual choice
MIN_IN_BIN = 8  # of a point in a figure: a share of fewer is hardly one


def reliability_sums(confidence: np.ndarray, right: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Add up, for each speaker and bin, what the reliability diagram needs.

    Of n units the probability that was given to the answer, whether it was right,
    and the speaker. -> (n_speakers, N_BINS, 3), float64: number of units, sum of
    confidences, number of right answers. A bin holds its upper bound, not its
    lower one.
    """
    names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    bins = np.clip(np.ceil(np.asarray(confidence) * N_BINS - 1e-9).astype(int) - 1, 0, N_BINS - 1)
    sums = np.zeros((names.size, N_BINS, 3))
    values = np.column_stack([np.ones_like(confidence), confidence, right])
    np.add.at(sums, (index, bins), values)
    return sums


def expected_calibration_error(sums: np.ndarray) -> np.ndarray:
    """Mean distance of confidence and accuracy, bins weighted by their units.

    (..., N_BINS, 3), added up over speakers -> (...), from 0 (calibrated) to 1;
    NaN without any unit. Guo et al. (2017), "On Calibration of Modern Neural
    Networks", ICML.
    """
    n = sums[..., 0].sum(axis=-1)
    gaps = np.abs(sums[..., 1] - sums[..., 2]).sum(axis=-1)
    return np.divide(gaps, n, out=np.full(np.shape(n), np.nan), where=n > 0)


def calibration_interval(sums: np.ndarray, bootstrap: Bootstrap) -> Interval:
    """The expected calibration error with its interval over speakers, mean over seeds.

    ``sums`` is of shape (n_seeds, n_speakers, N_BINS, 3).
    """
    drawn = [resample(of_seed, bootstrap) for of_seed in sums]
    value = expected_calibration_error(sums.sum(axis=1)).mean()
    resampled = np.mean([expected_calibration_error(one) for one in drawn], axis=0)
    return interval_of(value, resampled, bootstrap, n_speakers=sums.shape[1])


def reliability_rows(sums: np.ndarray, *, confidence: float) -> list[dict[str, float]]:
    """One row per bin that holds a unit.

    bin_low, bin_high, n, confidence (mean), accuracy, wilson_low, wilson_high (of
    the accuracy, as if units were independent; of rounded counts). ``sums`` is of
    shape (n_speakers, N_BINS, 3), means over seeds: counts need not be whole.
    """
    edges = np.linspace(0, 1, N_BINS + 1)
    rows = []
    for index, (n, total, right) in enumerate(sums.sum(axis=0)):
        if n == 0:
            continue
        low, high = (round(float(edge), 6) for edge in edges[index : index + 2])
        rows.append(_bin(low, high, n, total, right, confidence=confidence))
    return rows


def coarser(rows: pd.DataFrame, *, confidence: float, at_least: float = MIN_IN_BIN) -> pd.DataFrame:
    """Rows of ``calibration.csv`` with neighbouring bins joined until each holds enough answers.

    What is left over at the end joins the bin before it.
    """
    joined = []
    for key, bins in rows.groupby(["run", "unit"], sort=False):
        groups: list[list[int]] = [[]]
        for index, n in bins["n"].items():
            groups[-1].append(index)
            rest = bins["n"].loc[index:].sum() - n
            if bins["n"].loc[groups[-1]].sum() >= at_least and rest >= at_least:
                groups.append([])
        for group in groups:
            one = bins.loc[group]
            n = one["n"].sum()
            sure, right = ((one[name] * one["n"]).sum() for name in ("confidence", "accuracy"))
            low, high = one["bin_low"].min(), one["bin_high"].max()
            row = _bin(low, high, n, sure, right, confidence=confidence)
            joined.append(dict(zip(("run", "unit"), key, strict=True)) | row)
    return pd.DataFrame(joined, columns=list(rows.columns))


def _bin(
    low: float, high: float, n: float, sure: float, right: float, *, confidence: float
) -> dict[str, float]:
    """A row of a bin with ``n`` answers, from the sums of confidences and of right answers."""
    wilson_low, wilson_high = wilson_interval(round(right), round(n), confidence=confidence)
    return {
        "bin_low": low,
        "bin_high": high,
        "n": float(n),
        "confidence": float(sure / n),
        "accuracy": float(right / n),
        "wilson_low": wilson_low,
        "wilson_high": wilson_high,
    }
