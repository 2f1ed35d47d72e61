"""Every number that is shown: scores of each run and baseline, with intervals.

``score`` makes numbers, the other functions lay them out: as a row for
``results.csv``, as a document for ``results.json``, as a short table to read.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.bootstrap import Interval, mean_interval, speaker_intervals
from spoken_cefr.evaluation.calibration import (
    calibration_interval,
    reliability_sums,
    reliability_table,
)
from spoken_cefr.evaluation.metrics import (
    METRICS,
    accuracy,
    confusion_matrix,
    log_losses,
    mean_absolute_error,
    within_one_level,
)
from spoken_cefr.evaluation.per_class import per_class_rows
from spoken_cefr.evaluation.tables import PARTS, UNITS
from spoken_cefr.levels import TARGET_LEVELS, level_codes

# Titles of what a table shows: to look at first, and everything.
FIRST_MEASURES: Mapping[str, str] = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "quadratic_weighted_kappa": "kappa",
    "mean_absolute_error": "MAE in levels",
    "within_one_level": "within one level",
}
ALL_MEASURES: Mapping[str, str] = FIRST_MEASURES | {
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss in nats",
    "expected_calibration_error": "calibration error",
}


@dataclass(frozen=True)
class Score:
    """What one run scores on one unit of the test part.

    Parameters
    ----------
    intervals : dict of str to Interval
        By measure: those of ``METRICS``, log_loss, expected_calibration_error.
    matrix : np.ndarray, shape (k, k)
        Confusion counts, rows the truth.
    per_class : list of dict
        From :func:`spoken_cefr.evaluation.per_class.per_class_rows`.
    reliability : pd.DataFrame
        From :func:`spoken_cefr.evaluation.calibration.reliability_table`.
    """

    run: str
    unit: str
    n: int
    n_speakers: int
    intervals: dict[str, Interval]
    matrix: np.ndarray
    per_class: list[dict[str, object]]
    reliability: pd.DataFrame


def score(
    predictions: pd.DataFrame,
    *,
    run: str,
    unit: str,
    config: Config,
    part: str = "test",
    levels: Sequence[str] = TARGET_LEVELS,
) -> Score | None:
    """Score one unit (recording or segment) of a table of predictions.

    Returns
    -------
    Score or None
        None if the table holds no such unit in that part.
    """
    rows = rows_of(predictions, unit=unit, part=part)
    if rows.empty:
        return None
    truth, predicted, speakers = codes_of(rows, levels)
    options = bootstrap_options(config)
    intervals = speaker_intervals(
        METRICS, truth, predicted, speakers, n_classes=len(levels), **options
    )
    probabilities = rows[[f"p_{level}" for level in levels]].to_numpy(dtype=np.float64)
    intervals["log_loss"] = mean_interval(log_losses(truth, probabilities), speakers, **options)
    confidence = probabilities[np.arange(len(rows)), predicted]
    sums = reliability_sums(confidence, truth == predicted, speakers)
    intervals["expected_calibration_error"] = calibration_interval(sums, **options)
    return Score(
        run,
        unit,
        n=len(rows),
        n_speakers=np.unique(speakers).size,
        intervals=intervals,
        matrix=confusion_matrix(truth, predicted, n_classes=len(levels)),
        per_class=per_class_rows(truth, predicted, speakers, levels=levels, **options),
        reliability=reliability_table(sums, confidence=config.evaluation.confidence),
    )


def results_table(scores: Sequence[Score]) -> pd.DataFrame:
    """One row per run and unit: run, unit, n, n_speakers, each measure with _low and _high."""
    rows = []
    for one in scores:
        row: dict[str, object] = {
            "run": one.run,
            "unit": one.unit,
            "n": one.n,
            "n_speakers": one.n_speakers,
        }
        for name, interval in one.intervals.items():
            row |= {
                name: interval.value,
                f"{name}_low": interval.low,
                f"{name}_high": interval.high,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def per_class_table(scores: Sequence[Score]) -> pd.DataFrame:
    """One row per run, unit, level and measure: see ``per_class_rows``."""
    return pd.DataFrame(
        [{"run": one.run, "unit": one.unit} | row for one in scores for row in one.per_class]
    )


def calibration_table(scores: Sequence[Score]) -> pd.DataFrame:
    """One row per run, unit and bin of the reliability diagram."""
    tables = [
        one.reliability.assign(run=one.run, unit=one.unit)[
            ["run", "unit", *one.reliability.columns]
        ]
        for one in scores
    ]
    return pd.concat(tables, ignore_index=True)


def results_document(
    scores: Sequence[Score],
    units: pd.DataFrame,
    descriptions: Mapping[str, str],
    *,
    config: Config,
    baselines: Sequence[str] = (),
    levels: Sequence[str] = TARGET_LEVELS,
) -> dict[str, object]:
    """The same as a JSON document, nested by run, unit and measure; NaN becomes null.

    Beside the scores it holds what each constant answer scores: on levels that
    crowd in the middle, always saying the middle one is within one level nearly
    always.
    """
    results: dict[str, dict[str, object]] = {}
    for one in scores:
        results.setdefault(one.run, {})[one.unit] = {"n": one.n, "n_speakers": one.n_speakers} | {
            name: {key: _or_none(value) for key, value in interval._asdict().items()}
            for name, interval in one.intervals.items()
        }
    return {
        "profile": config.profile,
        "notice": config.notice,
        "levels": list(levels),
        "n_bootstrap": config.evaluation.n_bootstrap,
        "confidence": config.evaluation.confidence,
        "seed": config.seed,
        "counts": _counts(units, levels),
        "constant_answers": _constant_answers(units, levels),
        "baselines": list(baselines),
        "runs": dict(descriptions),
        "results": results,
    }


def confusion_table(matrix: np.ndarray, *, levels: Sequence[str] = TARGET_LEVELS) -> pd.DataFrame:
    """Confusion counts with their levels: rows the truth, columns the answer."""
    index = pd.Index(levels, name="level")
    return pd.DataFrame(matrix, index=index, columns=list(levels))


def read_results(folder: Path) -> pd.DataFrame:
    """Read ``results.csv`` from the folder of evaluation.

    Raises
    ------
    InputError
        If evaluation has not been run.
    """
    path = folder / "results.csv"
    if not path.exists():
        raise InputError(f"{path} is missing: run the stage evaluation first")
    return pd.read_csv(path, dtype={"run": str})


def summary_table(
    results: pd.DataFrame, *, shown: Mapping[str, str] = FIRST_MEASURES
) -> pd.DataFrame:
    """Scores as text, such as ``0.54 [0.41, 0.66]``.

    Parameters
    ----------
    results : pd.DataFrame
        From :func:`results_table` or :func:`read_results`.
    shown : mapping of str to str
        Titles by measure: those to look at first, or ``ALL_MEASURES``.
    """
    table = results[["run", "unit", "n", "n_speakers"]].rename(columns={"n_speakers": "speakers"})
    for name, title in shown.items():
        columns = [name, f"{name}_low", f"{name}_high"]
        table[title] = [with_bounds(*values) for values in results[columns].to_numpy()]
    return table


def rows_of(predictions: pd.DataFrame, *, unit: str, part: str = "test") -> pd.DataFrame:
    """The rows of one unit (recording, segment) and part."""
    return predictions[(predictions["unit"] == unit) & (predictions["part"] == part)]


def codes_of(
    rows: pd.DataFrame, levels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of the truth and of the answers, and the speakers; each of shape (n,)."""
    truth = level_codes(rows["level"], classes=levels)
    predicted = level_codes(rows["predicted"], classes=levels)
    return truth, predicted, rows["speaker_id"].to_numpy(dtype=str)


def bootstrap_options(config: Config) -> dict[str, float]:
    """The options n_bootstrap, confidence and seed of all functions that resample speakers."""
    options = config.evaluation
    return {
        "n_bootstrap": options.n_bootstrap,
        "confidence": options.confidence,
        "seed": config.seed,
    }


def _counts(units: pd.DataFrame, levels: Sequence[str]) -> dict[str, object]:
    """Recordings, segments and speakers of each part, and units of each level."""
    counts: dict[str, object] = {}
    for part in PARTS:
        rows = units[units["part"] == part]
        by_unit = {unit: rows[rows["unit"] == unit] for unit in UNITS}
        counts[part] = {"speakers": int(rows["speaker_id"].nunique())} | {
            f"{unit}s": {"all": len(those)}
            | {level: int((those["level"] == level).sum()) for level in levels}
            for unit, those in by_unit.items()
        }
    return counts


def _constant_answers(units: pd.DataFrame, levels: Sequence[str]) -> dict[str, object]:
    """What always giving the same answer scores on test."""
    test = units[units["part"] == "test"]
    answers: dict[str, object] = {}
    for unit in UNITS:
        truth = level_codes(test["level"][test["unit"] == unit], classes=levels)
        if truth.size == 0:
            continue
        answers[unit] = {}
        for code, level in enumerate(levels):
            matrix = confusion_matrix(truth, np.full_like(truth, code), n_classes=len(levels))
            answers[unit][level] = {
                "accuracy": float(accuracy(matrix)),
                "within_one_level": float(within_one_level(matrix)),
                "mean_absolute_error": float(mean_absolute_error(matrix)),
            }
    return answers


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def with_bounds(value: float, low: float, high: float) -> str:
    """A value with its interval, as ``0.54 [0.41, 0.66]``; "-" where it is unknown."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.2f}" if not math.isfinite(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]"
