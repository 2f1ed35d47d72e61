"""The audit of the networks themselves: the same ones, trained again where only a shortcut is left.

A probe says what could be read from a vector. Whether a network reads it is
seen when that network is trained again: on silence, on permuted labels, on
age, gender and year in place of the level, and on fewer speakers. Each is
trained once in every fold, so that every recording is asked; what they are held
against, and the right end of the learning curve, are the runs' own answers.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.scores.results import answers_of, rows_of
from spoken_cefr.evaluation.shortcuts import silence
from spoken_cefr.evaluation.shortcuts.audit import AUDIT_COLUMNS, counts_of, scored_rows
from spoken_cefr.evaluation.shortcuts.conditions import SILENCE
from spoken_cefr.evaluation.shortcuts.learning_curve import CURVE_COLUMNS, curve_row
from spoken_cefr.evaluation.shortcuts.probes import Target
from spoken_cefr.evaluation.shortcuts.silence import FADE_S, INPUTS, Silence, silent_corpus
from spoken_cefr.evaluation.shortcuts.variants import (
    CURVE,
    Variant,
    curve_variants,
    permuted_variants,
    silence_variant,
    target_variants,
)
from spoken_cefr.evaluation.shortcuts.vectors import PAUSE_MARGIN_S
from spoken_cefr.evaluation.tables import Inputs, read_table
from spoken_cefr.neural_networks.failures import RUN_ERRORS, reason_of
from spoken_cefr.neural_networks.out_of_fold import (
    SEGMENT_COLUMNS,
    Heard,
    Training,
    fold_trainings,
    joined_table,
    train_all,
)
from spoken_cefr.neural_networks.runs import RUNS, Run, select_runs
from spoken_cefr.neural_networks.split import parts_of_fold
from spoken_cefr.neural_networks.stage import heard_by
from spoken_cefr.stages import output_hashes, stage_folder
from spoken_cefr.store import sha256_of

Pair = tuple[Run, Variant]


@dataclass(frozen=True)
class Retrained:
    """Rows for ``audit.csv`` and ``learning_curve.csv``, and what could not be asked."""

    audit: pd.DataFrame
    curve: pd.DataFrame
    remarks: list[dict[str, str]]


def audited_runs(
    config: Config, finished: Sequence[str], best: str | None
) -> tuple[list[Run], list[dict[str, str]]]:
    """The runs that the profile wants trained again, and the best one.

    Returns
    -------
    list of Run, list of dict
        And a remark for each of them that has not finished.
    """
    names = config.evaluation.audit_runs.strip()
    if not names:
        return [], []
    wanted = {run.name for run in select_runs(names, key="evaluation.audit_runs")}
    reason = "named in evaluation.audit_runs, but there is no finished run of that name"
    missing = [run for run in RUNS if run.name in wanted - set(finished)]
    chosen = [run for run in RUNS if run.name in (wanted & set(finished)) | {best}]
    return chosen, [{"id": f"audit: {run.name}", "reason": reason} for run in missing]


def perform_retraining(
    runs: Sequence[Run],
    predictions: Mapping[str, pd.DataFrame],
    inputs: Inputs,
    targets: Mapping[str, Target],
    *,
    config: Config,
) -> Retrained:
    """Train every run in every variant and fold, or keep what an earlier call has left of it.

    Parameters
    ----------
    predictions : mapping of str to pd.DataFrame
        Of the runs as they are, by name: the right end of the learning curve.

    Returns
    -------
    Retrained
        A variant that cannot be trained is a remark and stops no other.
    """
    e = config.evaluation
    variants = [
        silence_variant(inputs.levels),
        *permuted_variants(inputs.levels, n=e.n_permuted_trainings, seed=config.seed),
        *target_variants(targets),
        *curve_variants(inputs.levels, seed=config.seed),
    ]
    pairs = {f"{run.name}, {variant.name}": (run, variant) for run in runs for variant in variants}
    trainings, failures = _trainings(pairs, inputs, config)
    listener = _Listener(config, inputs)
    failures |= train_all(
        trainings, lambda name: listener.heard(*pairs[name]), config, desc="networks of the audit"
    )
    answers = {
        name: rows_of(joined_table(group, "predictions.parquet"), unit="recording")
        for name, group in trainings.items()
        if name not in failures
    }
    remarks = [{"id": f"audit: {name}", "reason": reason} for name, reason in failures.items()]
    for name, given in answers.items():
        remarks += left_out_remarks(name, trainings[name], given)
    rows, curve = [], []
    for run in runs:
        told = {
            variant.name: answers[f"{run.name}, {variant.name}"]
            for variant in variants
            if f"{run.name}, {variant.name}" in answers
        }
        rows += _audit_rows(run, variants, told, n_all=len(inputs.split), config=config)
        full = rows_of(predictions[run.name], unit="recording")
        sizes = {
            variant.name: _n_speakers([t.split for t in trainings[f"{run.name}, {variant.name}"]])
            for variant in variants
            if variant.name in told
        }
        curve += _curve_rows(run, variants, told, sizes, full, inputs, config=config)
    return Retrained(
        pd.DataFrame(rows, columns=list(AUDIT_COLUMNS)),
        pd.DataFrame(curve, columns=list(CURVE_COLUMNS)),
        remarks,
    )


def _trainings(
    pairs: Mapping[str, Pair], inputs: Inputs, config: Config
) -> tuple[dict[str, list[Training]], dict[str, str]]:
    """The trainings of each run and variant, and why there are none of others."""
    if not pairs:
        return {}, {}
    folder = stage_folder(config, "evaluation") / "retrained"
    processed = output_hashes(config, "processing")
    silent = [PAUSE_MARGIN_S, FADE_S, sha256_of(Path(silence.__file__))]
    trainings, failures = {}, {}
    for name, (run, variant) in pairs.items():
        if variant.condition == SILENCE and run.inputs not in INPUTS:
            failures[name] = f"{run.name} reads words or measures of speech: silence has neither"
            continue
        try:
            trainings[name] = fold_trainings(
                run,
                config,
                inputs.split,
                folder=folder / run.name / variant.name,
                n_seeds=1,
                told=[processed, variant.name, silent if variant.condition == SILENCE else []],
                change=variant.change,
                classes=variant.classes,
            )
        except RUN_ERRORS as error:
            failures[name] = reason_of(error)
    return trainings, failures


class _Listener:
    """Gives what a run hears in a variant: the recordings, or their pauses; each made once."""

    def __init__(self, config: Config, inputs: Inputs) -> None:
        self._config, self._inputs = config, inputs
        self._made: dict[tuple[object, ...], Heard] = {}

    def heard(self, run: Run, variant: Variant) -> Heard:
        """Made anew for each kind of input only."""
        silent = variant.condition == SILENCE
        kind = (silent, *run.hears)
        if kind not in self._made:
            self._made[kind] = self._silent(run) if silent else self._spoken(run)
        return self._made[kind]

    def _spoken(self, run: Run) -> Heard:
        return heard_by(run, self._config, self._inputs.segments, self._inputs.split)

    def _silent(self, run: Run) -> Heard:
        pauses = self._pauses
        noisy = pauses.source(run, True) if run.noisy_training else None
        return Heard(pauses.segments[SEGMENT_COLUMNS], pauses.source(run, False), noisy)

    @functools.cached_property
    def _pauses(self) -> Silence:
        path = stage_folder(self._config, "processing") / "words.parquet"
        words = read_table(path, columns=("recording_id", "start_s", "end_s"))
        file_names = self._inputs.metadata.set_index("recording_id")["file_name"].to_dict()
        return silent_corpus(self._config, self._inputs.segments, words, file_names)


def left_out_remarks(
    name: str, trainings: Sequence[Training], given: pd.DataFrame
) -> list[dict[str, str]]:
    """A remark if recordings that the variant tests have no answer: too short, too little silence.

    Parameters
    ----------
    given : pd.DataFrame
        The answers to the recordings that were tested.
    """
    asked = pd.concat([t.split.loc[t.split["part"] == "test", "recording_id"] for t in trainings])
    missing = int((~asked.isin(given["recording_id"])).sum())
    if not missing:
        return []
    reason = f"{missing} of {len(asked)} recordings leave it too little to hear: left out"
    return [{"id": f"audit: {name}", "reason": reason}]


def _n_speakers(splits: Sequence[pd.DataFrame]) -> int:
    """How many speakers a training learns from, the mean over the folds."""
    trained = [split.loc[split["part"] == "train", "speaker_id"].nunique() for split in splits]
    return round(float(np.mean(trained)))


def _audit_rows(
    run: Run,
    variants: Sequence[Variant],
    answers: Mapping[str, pd.DataFrame],
    *,
    n_all: int,
    config: Config,
) -> list[dict[str, object]]:
    """A row for silence, one for all permutations together, and one for each other target."""
    groups: dict[tuple[str, str], list[Variant]] = {}
    for variant in variants:
        if variant.condition != CURVE and variant.name in answers:
            groups.setdefault((variant.condition, variant.target), []).append(variant)
    rows = []
    for (condition, target), alike in groups.items():
        classes = alike[0].classes
        told = [answers_of(answers[variant.name], classes) for variant in alike]
        truth, speakers = told[0].truth, told[0].speakers
        shared = {"kind": "run", "model": run.name, "target": target}
        shared |= counts_of(truth, speakers, len(classes)) | {"n_dropped": n_all - len(truth)}
        rows += scored_rows(
            truth,
            np.concatenate([one.predicted for one in told]),
            speakers,
            None,
            shared,
            condition=condition,
            n_classes=len(classes),
            config=config,
        )
    return rows


def _curve_rows(
    run: Run,
    variants: Sequence[Variant],
    answers: Mapping[str, pd.DataFrame],
    sizes: Mapping[str, int],
    full: pd.DataFrame,
    inputs: Inputs,
    *,
    config: Config,
) -> list[dict[str, object]]:
    """A row for each number of training speakers, the last for all that a fold trains on."""
    tables = {
        sizes[variant.name]: answers[variant.name]
        for variant in variants
        if variant.condition == CURVE and variant.name in answers
    }
    folds = [parts_of_fold(inputs.split, fold) for fold in inputs.split["fold"].unique()]
    tables[_n_speakers(folds)] = full
    rows = []
    for n_train, told in tables.items():
        given = answers_of(told, inputs.levels)
        shared = {"kind": "run", "model": run.name, "n_train_speakers": n_train}
        n_classes = len(inputs.levels)
        rows.append(
            shared
            | curve_row(
                given.truth, given.predicted, given.speakers, n_classes=n_classes, config=config
            )
        )
    return rows
