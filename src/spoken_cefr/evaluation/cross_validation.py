"""Runs in repeated cross-validation: every recording is answered by one that never heard its voice.

The test part of a split may hold a handful of speakers, and an interval over
those says little. Here each run is trained again in every fold, so that all
speakers of the corpus are tested, and two shortcuts answer the same folds.
The intervals tell how scores vary with the speakers who are asked, not with
those who are learned from.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.bootstrap import Interval, paired_differences, speaker_intervals
from spoken_cefr.evaluation.folds import SHORTCUTS, FoldTrainer, fold_variants, shortcut_answers
from spoken_cefr.evaluation.metrics import METRICS
from spoken_cefr.evaluation.results import bootstrap_options, with_bounds
from spoken_cefr.evaluation.tables import Inputs
from spoken_cefr.evaluation.variants import Variant
from spoken_cefr.levels import level_codes
from spoken_cefr.neural_networks.experiments import Run, select_runs
from spoken_cefr.neural_networks.failures import RUN_ERRORS, reason_of
from spoken_cefr.progress import progress, without_bars

NAME = "cross_validation"  # of the table
REFERENCE = "duration_only"  # the shortcut that every other row is held against
# Measure -> how it is shown.
MEASURES: Mapping[str, str] = {
    "accuracy": "accuracy",
    "quadratic_weighted_kappa": "kappa",
    "mean_absolute_error": "MAE in levels",
}
COLUMNS: tuple[str, ...] = (
    *("run", "n", "n_left_out", "n_speakers", "n_repeats", "n_folds"),
    *(
        f"{name}{of}{bound}"
        for name in MEASURES
        for of in ("", "_difference")
        for bound in ("", "_low", "_high")
    ),
)

Answers = dict[str, pd.DataFrame]  # by run: recording_id, repeat, predicted


class CrossValidation(NamedTuple):
    """``cross_validation`` by its name, or nothing if it is switched off; and remarks."""

    tables: dict[str, pd.DataFrame]
    remarks: list[dict[str, str]]


def perform_cross_validation(
    finished: Sequence[str], inputs: Inputs, *, config: Config
) -> CrossValidation:
    """Train the runs that the profile names in every fold, and score them beside two shortcuts.

    What an earlier call has trained is kept.

    Parameters
    ----------
    finished : sequence of str
        The runs of this build; others are a remark.

    Returns
    -------
    CrossValidation
        A run that cannot be trained in some fold is a remark and stops no other.
    """
    if not config.evaluation.cross_validated_runs:
        return CrossValidation({}, [])
    runs, remarks = cross_validated_runs(config, finished)
    n_folds = config.neural_networks.n_folds
    try:
        repeats = fold_variants(
            inputs.split,
            inputs.levels,
            n_folds=n_folds,
            n_repeats=config.evaluation.n_cross_validation_repeats,
            seed=config.seed,
        )
    except InputError as error:
        return CrossValidation({}, [*remarks, _remark("", str(error))])
    answers = _of_shortcuts(repeats, inputs)
    of_runs, failures = _of_runs(runs, repeats, FoldTrainer(config, inputs))
    table = score_table(answers | of_runs, inputs, n_folds=n_folds, config=config)
    return CrossValidation({NAME: table}, remarks + failures + _left_out_remarks(table))


def cross_validated_runs(
    config: Config, finished: Sequence[str]
) -> tuple[list[Run], list[dict[str, str]]]:
    """The runs that the profile names and this build holds, and a remark for each other one."""
    key = "evaluation.cross_validated_runs"
    wanted = select_runs(", ".join(config.evaluation.cross_validated_runs), key=key)
    reason = f"named in {key}, but there is no finished run of that name"
    missing = [run.name for run in wanted if run.name not in finished]
    return (
        [run for run in wanted if run.name in finished],
        [_remark(name, reason) for name in missing],
    )


def score_table(
    answers: Mapping[str, pd.DataFrame], inputs: Inputs, *, n_folds: int, config: Config
) -> pd.DataFrame:
    """Score each run's answers, and how far they are from those of the duration alone.

    Parameters
    ----------
    answers : mapping of str to pd.DataFrame
        By run, ``duration_only`` among them: recording_id, repeat, predicted;
        each recording at most once a repeat.

    Returns
    -------
    pd.DataFrame
        ``COLUMNS``: each measure is the mean over repeats of that of all
        recordings, its interval and that of the difference are over speakers.
        A recording that is not answered in every repeat counts in n_left_out.
        The kappa of ``majority`` need not be 0: its answer may differ from
        fold to fold.
    """
    tables = {
        name: told.pivot(index="recording_id", columns="repeat", values="predicted").dropna()
        for name, told in answers.items()
    }
    truth = inputs.split.set_index("recording_id")
    rows = []
    for name, table in tables.items():
        row = {
            "run": name,
            "n": len(table),
            "n_left_out": len(truth) - len(table),
            "n_speakers": truth.loc[table.index, "speaker_id"].nunique(),
            "n_repeats": table.shape[1],
            "n_folds": n_folds,
        }
        other = None if name == REFERENCE else tables[REFERENCE].loc[table.index]
        rows.append(row | _scores(table, other, truth.loc[table.index], inputs.levels, config))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def cross_validation_table(folder: Path) -> pd.DataFrame:
    """The table to look at, as text such as ``0.54 [0.41, 0.66]``.

    Parameters
    ----------
    folder : Path
        Of evaluation.

    Returns
    -------
    pd.DataFrame
        No row if the profile has cross-validation switched off.
    """
    path = folder / f"{NAME}.csv"
    scores = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=list(COLUMNS))
    names = {"n": "recordings", "n_speakers": "speakers", "n_repeats": "repeats"}
    table = scores[["run", *names]].rename(columns=names)
    for of, told in (("", "{}"), ("_difference", "{} - " + REFERENCE)):
        for name, title in MEASURES.items():
            columns = [f"{name}{of}{bound}" for bound in ("", "_low", "_high")]
            values = scores[columns].to_numpy(dtype=np.float64)
            table[told.format(title)] = [with_bounds(*row) for row in values]
    return table


def _of_shortcuts(repeats: Sequence[Sequence[Variant]], inputs: Inputs) -> Answers:
    told: dict[str, list[pd.DataFrame]] = {name: [] for name in SHORTCUTS}
    for number, folds in enumerate(repeats):
        for fold in folds:
            for name, table in shortcut_answers(fold, inputs).items():
                told[name].append(table.assign(repeat=number))
    return {name: pd.concat(tables) for name, tables in told.items()}


def _of_runs(
    runs: Sequence[Run], repeats: Sequence[Sequence[Variant]], trainer: FoldTrainer
) -> tuple[Answers, list[dict[str, str]]]:
    """The answers of every run that could be trained in all folds, and why others could not."""
    tasks = [
        (run, number, fold)
        for run in runs
        for number, folds in enumerate(repeats)
        for fold in folds
    ]
    told: dict[str, list[pd.DataFrame]] = {run.name: [] for run in runs}
    reasons: dict[str, str] = {}
    for run, number, fold in progress(tasks, desc="cross-validation", unit="training"):
        if run.name in reasons:
            continue
        try:
            with without_bars():
                told[run.name].append(trainer.tested(run, fold).assign(repeat=number))
        except RUN_ERRORS as error:
            reasons[run.name] = f"{fold.name}: {reason_of(error)}"
    answers = {
        name: pd.concat(tables) for name, tables in told.items() if tables and name not in reasons
    }
    return answers, [_remark(name, reason) for name, reason in reasons.items()]


def _scores(
    table: pd.DataFrame,
    other: pd.DataFrame | None,
    truth: pd.DataFrame,
    levels: Sequence[str],
    config: Config,
) -> dict[str, float]:
    """Every measure and, where there is another to be held against, its difference to that one."""
    metrics = {name: METRICS[name] for name in MEASURES}
    codes = level_codes(truth["level"], classes=levels)
    speakers = truth["speaker_id"].to_numpy(dtype=str)
    options = {"n_classes": len(levels)} | bootstrap_options(config)
    given = _codes(table, levels)
    scores = _columns(speaker_intervals(metrics, codes, given, speakers, **options), "")
    if other is not None:
        theirs = _codes(other, levels)
        differences = paired_differences(metrics, codes, given, theirs, speakers, **options)
        scores |= _columns(differences, "_difference")
    return scores


def _codes(table: pd.DataFrame, levels: Sequence[str]) -> np.ndarray:
    """Codes of the answers, shape (n_repeats, n)."""
    return np.stack([level_codes(table[repeat], classes=levels) for repeat in table])


def _columns(intervals: Mapping[str, Interval], of: str) -> dict[str, float]:
    return {
        f"{name}{of}{bound}": value
        for name, interval in intervals.items()
        for bound, value in zip(("", "_low", "_high"), interval, strict=True)
    }


def _left_out_remarks(table: pd.DataFrame) -> list[dict[str, str]]:
    """A remark for each run that leaves recordings unanswered, crops of too short ones."""
    return [
        _remark(
            row.run,
            f"{row.n_left_out} of {row.n + row.n_left_out} recordings leave it too little to hear: "
            "left out",
        )
        for row in table.itertuples()
        if row.n_left_out
    ]


def _remark(run: str, reason: str) -> dict[str, str]:
    return {"id": f"cross-validation: {run}" if run else "cross-validation", "reason": reason}
