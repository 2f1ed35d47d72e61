"""The audit of the networks themselves: the same ones, trained again where only a shortcut is left.

A probe says what could be read from a vector. Whether a network reads it is
seen when that network is trained again: on silence, on permuted labels, on
age, gender and year in place of the level, and on fewer speakers.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation import silence
from spoken_cefr.evaluation.audit import AUDIT_COLUMNS, SILENCE, counts_of, scored_rows
from spoken_cefr.evaluation.learning_curve import CURVE_COLUMNS, curve_row
from spoken_cefr.evaluation.probes import Target
from spoken_cefr.evaluation.recording_vectors import PAUSE_MARGIN_S
from spoken_cefr.evaluation.results import codes_of, rows_of
from spoken_cefr.evaluation.silence import FADE_S, INPUTS, Silence, silent_corpus
from spoken_cefr.evaluation.tables import Inputs, read_table
from spoken_cefr.evaluation.variants import (
    CURVE,
    NO_PART,
    Variant,
    curve_variants,
    permuted_variants,
    silence_variant,
    target_variants,
)
from spoken_cefr.files import digest, sha256_of
from spoken_cefr.neural_networks.experiments import RUNS, Run, is_finished, run_key, select_runs
from spoken_cefr.neural_networks.failures import RUN_ERRORS, reason_of
from spoken_cefr.neural_networks.inputs import input_keys
from spoken_cefr.neural_networks.performing import SourceLoader, perform_run
from spoken_cefr.neural_networks.stage import load_measures, load_source
from spoken_cefr.progress import progress, without_bars
from spoken_cefr.stages import stage_folder

Answers = dict[str, pd.DataFrame]  # of the test recordings, by the name of the variant


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
    """Train every run in every variant, or keep what an earlier call has left of it.

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
    levels = inputs.levels
    variants = [
        silence_variant(inputs.split, levels),
        *permuted_variants(inputs.split, levels, n=e.n_permuted_trainings, seed=config.seed),
        *target_variants(inputs.split, targets),
        *curve_variants(inputs.split, levels, seed=config.seed),
    ]
    trainer = Trainer(config, inputs)
    rows, curve, remarks = [], [], []
    pairs = [(run, variant) for run in runs for variant in variants]
    answers: dict[str, Answers] = {run.name: {} for run in runs}
    for run, variant in progress(pairs, desc="networks of the audit", unit="training"):
        try:
            with without_bars():
                given = trainer.answers(run, variant)
            answers[run.name][variant.name] = rows_of(given, unit="recording")
            remarks += left_out_remarks(run, variant, given)
        except RUN_ERRORS as error:
            remarks.append({"id": f"audit: {run.name}, {variant.name}", "reason": reason_of(error)})
    n_test = int((inputs.split["part"] == "test").sum())
    for run in runs:
        told = answers[run.name]
        rows += _audit_rows(run, variants, told, n_test=n_test, config=config)
        full = rows_of(predictions[run.name], unit="recording")
        curve += _curve_rows(run, variants, told, full, inputs, config=config)
    return Retrained(
        pd.DataFrame(rows, columns=list(AUDIT_COLUMNS)),
        pd.DataFrame(curve, columns=list(CURVE_COLUMNS)),
        remarks,
    )


class Trainer:
    """Trains a run in a variant into a folder of its own, and reads its answers."""

    place = "retrained"  # in the stage's folder

    def __init__(self, config: Config, inputs: Inputs) -> None:
        self._config = config
        self._inputs = inputs

    def answers(self, run: Run, variant: Variant) -> pd.DataFrame:
        """Predictions of all that the variant learns from and asks about.

        Raises
        ------
        InputError
            If the variant leaves nothing to learn from, or nothing that the run can read.
        """
        config = self._config
        folder = stage_folder(config, "evaluation") / self.place / run.name / variant.name
        told = variant.split[["recording_id", "part", "level"]].to_numpy(dtype=str).tolist()
        heard: list[object] = []
        if variant.condition == SILENCE:
            heard = [PAUSE_MARGIN_S, FADE_S, sha256_of(Path(silence.__file__))]
        of_inputs = [self._hashes, input_keys(run.inputs, config), heard]
        key = run_key(
            run, config, input_digest=digest([*of_inputs, variant.name, told, variant.classes])
        )
        if variant.condition == SILENCE and run.inputs not in INPUTS:
            raise InputError(f"{run.name} reads words or measures of speech: silence has neither")
        if not is_finished(folder, key):
            segments, source = self._heard(variant)
            self._train(run, variant, segments, source, folder=folder, key=key)
        return read_table(folder / "predictions.parquet", columns=("unit", "level", "predicted"))

    @functools.cached_property
    def _hashes(self) -> list[str]:
        processing, networks = (
            stage_folder(self._config, name) for name in ("processing", "neural_networks")
        )
        return [sha256_of(path) for path in (processing / "report.json", networks / "split.csv")]

    def _heard(self, variant: Variant) -> tuple[pd.DataFrame, SourceLoader]:
        """The segments of a variant, and what gives a run's rows of them."""
        if variant.condition == SILENCE:
            return self._silence.segments, self._silence.source
        segments = self._inputs.segments
        return segments, functools.partial(load_source, self._config, segments)

    def _train(
        self,
        run: Run,
        variant: Variant,
        segments: pd.DataFrame,
        source: SourceLoader,
        *,
        folder: Path,
        key: str,
    ) -> None:
        n_threads = torch.get_num_threads()
        torch.set_num_threads(self._config.n_jobs)
        try:
            perform_run(
                run,
                self._config,
                segments=segments,
                split=variant.split,
                load_source=source,
                load_measures=functools.partial(load_measures, self._config),
                folder=folder,
                key=key,
                classes=variant.classes,
            )
        finally:
            torch.set_num_threads(n_threads)

    @functools.cached_property
    def _silence(self) -> Silence:
        path = stage_folder(self._config, "processing") / "words.parquet"
        words = read_table(path, columns=("recording_id", "start_s", "end_s"))
        file_names = self._inputs.metadata.set_index("recording_id")["file_name"].to_dict()
        return silent_corpus(self._config, self._inputs.segments, words, file_names)


def left_out_remarks(run: Run, variant: Variant, given: pd.DataFrame) -> list[dict[str, str]]:
    """A remark if recordings of the variant have no answer: too short, or too little silence."""
    asked = variant.split.loc[variant.split["part"] != NO_PART, "recording_id"]
    missing = int((~asked.isin(given["recording_id"])).sum())
    if not missing:
        return []
    reason = f"{missing} of {len(asked)} recordings leave it too little to hear: left out"
    return [{"id": f"audit: {run.name}, {variant.name}", "reason": reason}]


def _audit_rows(
    run: Run, variants: Sequence[Variant], answers: Answers, *, n_test: int, config: Config
) -> list[dict[str, object]]:
    """A row for silence, one for all permutations together, and one for each other target."""
    groups: dict[tuple[str, str], list[Variant]] = {}
    for variant in variants:
        if variant.condition != CURVE and variant.name in answers:
            groups.setdefault((variant.condition, variant.target), []).append(variant)
    rows = []
    for (condition, target), alike in groups.items():
        classes = alike[0].classes
        coded = [codes_of(answers[variant.name], classes) for variant in alike]
        truth, _, speakers = coded[0]
        shared = {"kind": "run", "model": run.name, "target": target}
        shared |= counts_of(truth, speakers, len(classes)) | {"n_dropped": n_test - len(truth)}
        rows += scored_rows(
            truth,
            np.stack([given for _, given, _ in coded]),
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
    answers: Answers,
    full: pd.DataFrame,
    inputs: Inputs,
    *,
    config: Config,
) -> list[dict[str, object]]:
    """A row for each number of training speakers, the last for all of them."""
    tables = {
        variant.n_train_speakers: answers[variant.name]
        for variant in variants
        if variant.condition == CURVE and variant.name in answers
    }
    trained = inputs.split["part"] == "train"
    tables[inputs.split.loc[trained, "speaker_id"].nunique()] = full
    rows = []
    for n_train, told in tables.items():
        truth, given, speakers = codes_of(told, inputs.levels)
        shared = {"kind": "run", "model": run.name, "n_train_speakers": n_train}
        n_classes = len(inputs.levels)
        rows.append(
            shared | curve_row(truth, given[None], speakers, n_classes=n_classes, config=config)
        )
    return rows
