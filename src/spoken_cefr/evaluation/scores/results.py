"""Every number that is shown: scores of each run and baseline, with intervals and spreads.

A run that learns from chance answers every unit once for each seed. A measure is
the mean over seeds; its interval tells how it varies with the speakers who are
asked, its spread with the seed. Counts are means over seeds too.

``score`` makes numbers, the other functions lay them out: as a row for
``results.csv``, as a document for ``results.json``, as a short table to read.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import TARGET_LEVELS, level_codes
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.scores.bootstrap import Interval, mean_interval, speaker_intervals
from spoken_cefr.evaluation.scores.calibration import (
    calibration_interval,
    expected_calibration_error,
    reliability_sums,
    reliability_table,
)
from spoken_cefr.evaluation.scores.metrics import (
    METRICS,
    accuracy,
    confusion_matrix,
    log_losses,
    mean_absolute_error,
    within_one_level,
)
from spoken_cefr.evaluation.scores.per_class import per_class_rows
from spoken_cefr.evaluation.tables import PARTS, UNITS

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
    """What one run scores on one unit.

    Parameters
    ----------
    intervals : dict of str to Interval
        By measure: those of ``METRICS``, log_loss, expected_calibration_error.
    spreads : dict of str to tuple of float
        By measure: the lowest and the highest of the seeds; NaN of a single one.
    matrix : np.ndarray, shape (k, k), float64
        Confusion counts, rows the truth.
    per_class : list of dict
        From :func:`spoken_cefr.evaluation.scores.per_class.per_class_rows`.
    reliability : pd.DataFrame
        From :func:`spoken_cefr.evaluation.scores.calibration.reliability_table`.
    """

    run: str
    unit: str
    n: int
    n_speakers: int
    n_seeds: int
    intervals: dict[str, Interval]
    spreads: dict[str, tuple[float, float]]
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
    told = answers_of(rows, levels)
    n_classes = len(levels)
    options = bootstrap_options(config)
    intervals = speaker_intervals(
        METRICS, told.truth, told.predicted, told.speakers, n_classes=n_classes, **options
    )
    matrices = np.stack(
        [confusion_matrix(told.truth, answers, n_classes=n_classes) for answers in told.predicted]
    )
    of_seeds = {name: metric(matrices) for name, metric in METRICS.items()}
    losses = np.stack([log_losses(told.truth, p) for p in told.probabilities])
    intervals["log_loss"] = mean_interval(losses.mean(axis=0), told.speakers, **options)
    of_seeds["log_loss"] = losses.mean(axis=1)
    confidence = np.take_along_axis(told.probabilities, told.predicted[..., None], axis=2)[..., 0]
    sums = np.stack(
        [
            reliability_sums(sure, told.truth == answers, told.speakers)
            for sure, answers in zip(confidence, told.predicted, strict=True)
        ]
    )
    intervals["expected_calibration_error"] = calibration_interval(sums, **options)
    of_seeds["expected_calibration_error"] = expected_calibration_error(sums.sum(axis=1))
    return Score(
        run,
        unit,
        n=told.truth.size,
        n_speakers=np.unique(told.speakers).size,
        n_seeds=len(told.predicted),
        intervals=intervals,
        spreads={name: _spread(values) for name, values in of_seeds.items()},
        matrix=matrices.mean(axis=0),
        per_class=per_class_rows(
            told.truth, told.predicted, told.speakers, levels=levels, **options
        ),
        reliability=reliability_table(sums.mean(axis=0), confidence=config.evaluation.confidence),
    )


def _spread(of_seeds: np.ndarray) -> tuple[float, float]:
    """Lowest and highest of a measure over the seeds, NaN where there is only one."""
    if of_seeds.size < 2:
        return math.nan, math.nan
    return float(of_seeds.min()), float(of_seeds.max())


def results_table(scores: Sequence[Score]) -> pd.DataFrame:
    """One row per run and unit.

    Returns
    -------
    pd.DataFrame
        run, unit, n, n_speakers, n_seeds; each measure with _low and _high (over
        speakers), _seed_low and _seed_high.
    """
    rows = []
    for one in scores:
        row: dict[str, object] = {
            "run": one.run,
            "unit": one.unit,
            "n": one.n,
            "n_speakers": one.n_speakers,
            "n_seeds": one.n_seeds,
        }
        for name, interval in one.intervals.items():
            low, high = one.spreads[name]
            row |= {
                name: interval.value,
                f"{name}_low": interval.low,
                f"{name}_high": interval.high,
                f"{name}_seed_low": low,
                f"{name}_seed_high": high,
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
        results.setdefault(one.run, {})[one.unit] = {
            "n": one.n,
            "n_speakers": one.n_speakers,
            "n_seeds": one.n_seeds,
        } | {
            name: {key: _or_none(value) for key, value in interval._asdict().items()}
            | dict(zip(("seed_low", "seed_high"), map(_or_none, one.spreads[name]), strict=True))
            for name, interval in one.intervals.items()
        }
    return {
        "profile": config.profile,
        "notice": config.notice,
        "levels": list(levels),
        "n_bootstrap": config.evaluation.n_bootstrap,
        "confidence": config.evaluation.confidence,
        "seed": config.seed,
        "n_folds": int(units["fold"].nunique()),
        "n_seeds": max(one.n_seeds for one in scores),
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
    """Scores as text, such as ``0.54 [0.41, 0.66]``; of several seeds with ``0.52-0.55`` behind.

    Parameters
    ----------
    results : pd.DataFrame
        From :func:`results_table` or :func:`read_results`.
    shown : mapping of str to str
        Titles by measure: those to look at first, or ``ALL_MEASURES``.
    """
    table = results[["run", "unit", "n", "n_speakers"]].rename(columns={"n_speakers": "speakers"})
    for name, title in shown.items():
        ends = ("", "_low", "_high", "_seed_low", "_seed_high")
        values = results[[f"{name}{end}" for end in ends]].to_numpy(dtype=np.float64)
        table[title] = [with_bounds(*row) for row in values]
    return table


def rows_of(predictions: pd.DataFrame, *, unit: str, part: str = "test") -> pd.DataFrame:
    """The rows of one unit (recording, segment) and part."""
    return predictions[(predictions["unit"] == unit) & (predictions["part"] == part)]


class Answers(NamedTuple):
    """Answers to n units, those of each seed side by side.

    ``ids``, ``truth`` (codes) and ``speakers`` are of shape (n,), ``predicted``
    (codes) of shape (n_seeds, n), ``probabilities`` (n_seeds, n, n_classes).
    """

    ids: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    speakers: np.ndarray


def answers_of(rows: pd.DataFrame, levels: Sequence[str]) -> Answers:
    """Lay the rows of one unit and part out by seed, units sorted by id.

    Parameters
    ----------
    rows : pd.DataFrame
        Of each seed the same units, each once.
    """
    rows = rows.sort_values(["seed", "id"])
    n_seeds = rows["seed"].nunique()
    first = rows.iloc[: len(rows) // n_seeds]
    probabilities = rows[[f"p_{level}" for level in levels]].to_numpy(dtype=np.float64)
    return Answers(
        ids=first["id"].to_numpy(dtype=str),
        truth=level_codes(first["level"], classes=levels),
        predicted=level_codes(rows["predicted"], classes=levels).reshape(n_seeds, -1),
        probabilities=probabilities.reshape(n_seeds, len(first), len(levels)),
        speakers=first["speaker_id"].to_numpy(dtype=str),
    )


def mean_answers(rows: pd.DataFrame, levels: Sequence[str]) -> pd.DataFrame:
    """One row for each unit: the mean probabilities of its seeds, and the level they favour."""
    told = answers_of(rows, levels)
    table = rows.drop_duplicates("id").sort_values("id", ignore_index=True)
    columns = [f"p_{level}" for level in levels]
    table[columns] = told.probabilities.mean(axis=0)
    best = table[columns].to_numpy().argmax(axis=1)
    return table.assign(predicted=np.asarray(levels, dtype=object)[best], seed=0)


def bootstrap_options(config: Config) -> dict[str, float]:
    """The options n_bootstrap, confidence and seed of all functions that resample speakers."""
    options = config.evaluation
    return {
        "n_bootstrap": options.n_bootstrap,
        "confidence": options.confidence,
        "seed": config.seed,
    }


def _counts(units: pd.DataFrame, levels: Sequence[str]) -> dict[str, object]:
    """Recordings, segments and speakers: of all, and of each part of the study's split."""
    counts: dict[str, object] = {}
    for part in ("all", *PARTS):
        rows = units if part == "all" else units[units["part"] == part]
        by_unit = {unit: rows[rows["unit"] == unit] for unit in UNITS}
        counts[part] = {"speakers": int(rows["speaker_id"].nunique())} | {
            f"{unit}s": {"all": len(those)}
            | {level: int((those["level"] == level).sum()) for level in levels}
            for unit, those in by_unit.items()
        }
    return counts


def _constant_answers(units: pd.DataFrame, levels: Sequence[str]) -> dict[str, object]:
    """What always giving the same answer scores."""
    answers: dict[str, object] = {}
    for unit in UNITS:
        truth = level_codes(units["level"][units["unit"] == unit], classes=levels)
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


def with_bounds(
    value: float,
    low: float,
    high: float,
    seed_low: float = math.nan,
    seed_high: float = math.nan,
) -> str:
    """A value with its interval and its spread, as `summary_table`; "-" where it is unknown."""
    if not math.isfinite(value):
        return "-"
    text = f"{value:.2f}"
    if math.isfinite(low):
        text += f" [{low:.2f}, {high:.2f}]"
    if math.isfinite(seed_low):
        text += f" {seed_low:.2f}-{seed_high:.2f}"
    return text
