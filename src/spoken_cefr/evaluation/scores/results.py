"""Every number that is shown: scores of each run and baseline, with intervals and spreads.

A run that learns from chance answers every unit once for each seed. A measure is
the mean over seeds; its interval tells how it varies with the speakers who are
asked, its spread with the seed. Counts are means over seeds too.

``score`` makes numbers, the other functions lay them out: as a document for
``results.json``, as a short table to read.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import level_codes
from spoken_cefr.corpus.speakers import PARTS
from spoken_cefr.evaluation.reading import UNITS
from spoken_cefr.evaluation.scores.answers import Answers
from spoken_cefr.evaluation.scores.calibration import (
    calibration_interval,
    expected_calibration_error,
    reliability_rows,
    reliability_sums,
)
from spoken_cefr.evaluation.scores.intervals import (
    Bootstrap,
    mean_interval,
    speaker_intervals,
    wilson_interval,
)
from spoken_cefr.evaluation.scores.metrics import (
    METRICS,
    accuracy,
    class_metrics,
    confusion_matrix,
    log_losses,
    mean_absolute_error,
    within_one_level,
)
from spoken_cefr.store import read_csv

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
COUNTS: tuple[str, ...] = ("n", "n_speakers", "n_seeds")
# Of a measure, over speakers and over seeds; NaN where there is one speaker, or one seed.
BOUNDS: tuple[str, ...] = ("low", "high", "seed_low", "seed_high")


@dataclass(frozen=True)
class Score:
    """What one run scores on one unit.

    ``row`` is of ``results.csv`` (run, unit, ``COUNTS``, each measure with its
    ``BOUNDS``), the lists are rows of ``per_class.csv`` and ``calibration.csv``;
    ``matrix`` (k, k) holds confusion counts, rows the truth.
    """

    row: dict[str, object]
    per_class: list[dict[str, object]]
    calibration: list[dict[str, object]]
    matrix: np.ndarray

    @property
    def name(self) -> str:
        """The run and the unit, as in the names of files."""
        return f"{self.row['run']}_{self.row['unit']}"


def score(
    told: Answers, *, run: str, unit: str, bootstrap: Bootstrap, levels: Sequence[str]
) -> Score:
    """Score a run's answers to one unit."""
    matrices = told.matrices()
    losses = np.stack([log_losses(told.truth, p) for p in told.probabilities])
    confidence = np.take_along_axis(told.probabilities, told.predicted[..., None], axis=2)[..., 0]
    sums = np.stack(
        [
            reliability_sums(sure, told.truth == answers, told.speakers)
            for sure, answers in zip(confidence, told.predicted, strict=True)
        ]
    )
    intervals = speaker_intervals(METRICS, told.asked, bootstrap)
    intervals["log_loss"] = mean_interval(losses.mean(axis=0), told.speakers, bootstrap)
    intervals["expected_calibration_error"] = calibration_interval(sums, bootstrap)
    of_seeds = {name: metric(matrices) for name, metric in METRICS.items()}
    of_seeds["log_loss"] = losses.mean(axis=1)
    of_seeds["expected_calibration_error"] = expected_calibration_error(sums.sum(axis=1))
    key = {"run": run, "unit": unit}
    counts = told.truth.size, np.unique(told.speakers).size, len(told.predicted)
    row = key | dict(zip(COUNTS, counts, strict=True))
    for name, interval in intervals.items():
        seeds = of_seeds[name]
        spread = (float(seeds.min()), float(seeds.max())) if seeds.size > 1 else (math.nan,) * 2
        bounds = zip(BOUNDS, (*interval[1:], *spread), strict=True)
        row |= {name: interval.value} | {f"{name}_{end}": bound for end, bound in bounds}
    reliability = reliability_rows(sums.mean(axis=0), confidence=bootstrap.confidence)
    return Score(
        row,
        per_class=[key | one for one in per_class_rows(told, bootstrap, levels)],
        calibration=[key | one for one in reliability],
        matrix=matrices.mean(axis=0),
    )


def per_class_rows(
    told: Answers, bootstrap: Bootstrap, levels: Sequence[str]
) -> list[dict[str, object]]:
    """Recall and precision of each level, with the two kinds of interval side by side.

    A row: level, measure (recall, precision), n_right, n (units of the level, or
    answers of it; means over seeds), value (NaN where n is 0), wilson_low,
    wilson_high, and low, high over speakers: NaN where fewer than two speakers
    have the level, because no resampling could vary it.
    """
    matrix = told.matrices().mean(axis=0)
    over_speakers = speaker_intervals(class_metrics(levels), told.asked, bootstrap)
    rows = []
    for code, level in enumerate(levels):
        having = {
            "recall": (told.truth == code, matrix[code].sum()),
            "precision": ((told.predicted == code).any(axis=0), matrix[:, code].sum()),
        }
        for measure, (chosen, n) in having.items():
            n_right = matrix[code, code]
            # Wilson's interval counts; those of several seeds are rounded.
            low, high = wilson_interval(round(n_right), round(n), confidence=bootstrap.confidence)
            interval = over_speakers[f"{measure}_{level}"]
            several = np.unique(told.speakers[chosen]).size > 1
            row = {"level": level, "measure": measure, "n_right": float(n_right), "n": float(n)}
            row |= {"value": interval.value, "wilson_low": low, "wilson_high": high}
            row["low"], row["high"] = interval[1:] if several else (np.nan, np.nan)
            rows.append(row)
    return rows


def results_document(
    scores: Sequence[Score],
    units: pd.DataFrame,
    descriptions: Mapping[str, str],
    *,
    config: Config,
    baselines: Sequence[str],
    levels: Sequence[str],
) -> dict[str, object]:
    """The same as a JSON document, nested by run, unit and measure; NaN becomes null.

    Beside the scores it holds what each constant answer scores: on levels that
    crowd in the middle, always saying the middle one is within one level nearly
    always.
    """
    results: dict[str, dict[str, object]] = {}
    for row in (one.row for one in scores):
        measures = {
            name: {"value": _or_none(row[name])}
            | {end: _or_none(row[f"{name}_{end}"]) for end in BOUNDS}
            for name in ALL_MEASURES
        }
        of_run = results.setdefault(row["run"], {})
        of_run[row["unit"]] = {name: row[name] for name in COUNTS} | measures
    return {
        "profile": config.profile,
        "notice": config.notice,
        "levels": list(levels),
        "n_bootstrap": config.evaluation.n_bootstrap,
        "confidence": config.evaluation.confidence,
        "seed": config.seed,
        "n_folds": int(units["fold"].nunique()),
        "n_seeds": max(one.row["n_seeds"] for one in scores),
        "counts": _counts(units, levels),
        "constant_answers": _constant_answers(units, levels),
        "baselines": list(baselines),
        "runs": dict(descriptions),
        "results": results,
    }


def _counts(units: pd.DataFrame, levels: Sequence[str]) -> dict[str, object]:
    """Recordings, segments and speakers: of all, and of each part of the study's split."""
    counts: dict[str, object] = {}
    for part in ("all", *PARTS):
        rows = units if part == "all" else units[units["part"] == part]
        counts[part] = {"speakers": int(rows["speaker_id"].nunique())}
        for unit in UNITS:
            of_unit = rows.loc[rows["unit"] == unit, "level"]
            each = {level: int((of_unit == level).sum()) for level in levels}
            counts[part][f"{unit}s"] = {"all": len(of_unit)} | each
    return counts


def _constant_answers(units: pd.DataFrame, levels: Sequence[str]) -> dict[str, object]:
    answers: dict[str, object] = {}
    for unit, rows in units.groupby("unit"):
        truth = level_codes(rows["level"], classes=levels)
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


def confusion_table(matrix: np.ndarray, levels: Sequence[str]) -> pd.DataFrame:
    """Confusion counts: a row for each true level, which is the first column."""
    index = pd.Index(levels, name="level")
    return pd.DataFrame(matrix, index=index, columns=list(levels)).reset_index()


def read_results(folder: Path) -> pd.DataFrame:
    """Read ``results.csv`` from the folder of evaluation; InputError if that has not been run."""
    return read_csv(folder / "results.csv")


def summary_table(
    results: pd.DataFrame, *, shown: Mapping[str, str] = FIRST_MEASURES
) -> pd.DataFrame:
    """Scores as text, such as ``0.54 [0.41, 0.66]``; of several seeds with ``0.52-0.55`` behind.

    Parameters
    ----------
    results : pd.DataFrame
        From :func:`read_results`.
    shown : mapping of str to str
        Titles by measure: those to look at first, or ``ALL_MEASURES``.
    """
    table = results[["run", "unit", "n", "n_speakers"]].rename(columns={"n_speakers": "speakers"})
    for name, title in shown.items():
        columns = [name, *(f"{name}_{end}" for end in BOUNDS)]
        table[title] = [_with_bounds(*row) for row in results[columns].to_numpy(dtype=np.float64)]
    return table


def _with_bounds(value: float, low: float, high: float, seed_low: float, seed_high: float) -> str:
    """A value with its interval and its spread; "-" where it is unknown."""
    if not math.isfinite(value):
        return "-"
    text = f"{value:.2f}"
    if math.isfinite(low):
        text += f" [{low:.2f}, {high:.2f}]"
    if math.isfinite(seed_low):
        text += f" {seed_low:.2f}-{seed_high:.2f}"
    return text
