"""The audit of the networks themselves: the same ones, trained again where only a shortcut is left.

A probe says what could be read from a vector. Whether a network reads it is
seen when that network is trained again: on silence, on permuted labels, on
age, gender and year in place of the level, and on fewer speakers. Each is
trained once in every fold, so that every recording is asked; what they are held
against, and the right end of the learning curve, are the runs' own answers.

A variant changes the split of a fold and leaves the fold's parts as they are, so
that it answers the same recordings as the run that it is held against.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import level_codes
from spoken_cefr.evaluation.reading import Inputs
from spoken_cefr.evaluation.scores.answers import AllAnswers, Answers, answers_of
from spoken_cefr.evaluation.scores.intervals import Bootstrap, bootstrap_of
from spoken_cefr.evaluation.shortcuts import silence
from spoken_cefr.evaluation.shortcuts.probes import Target, permuted_codes
from spoken_cefr.evaluation.shortcuts.rows import (
    AUDIT_COLUMNS,
    CURVE_COLUMNS,
    PERMUTED,
    SILENCE,
    WHOLE,
    audit_rows,
    curve_row,
)
from spoken_cefr.neural_networks.out_of_fold import (
    RUN_ERRORS,
    Heard,
    Training,
    fold_trainings,
    joined_table,
    reason_of,
    train_all,
)
from spoken_cefr.neural_networks.runs import RUNS, Run, select_runs
from spoken_cefr.neural_networks.split import parts_of_fold
from spoken_cefr.neural_networks.stage import heard_by
from spoken_cefr.stages import output_hashes, stage_folder
from spoken_cefr.store import sha256_of

CURVE = "fewer speakers"
CURVE_SHARES: tuple[float, ...] = (0.25, 0.5, 0.75)  # of the speakers of the train part
NO_PART = ""  # of a recording that is neither learned from nor asked


@dataclass(frozen=True)
class Variant:
    """What a run is to be trained on instead, and in what folder."""

    name: str
    condition: str  # these two as in ``audit.csv``
    target: str
    classes: tuple[str, ...]
    # From a fold's split (recording_id, speaker_id, part, level) to one whose level is the class.
    change: Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Retrained:
    """Rows for ``audit.csv`` and ``learning_curve.csv``, and what could not be asked."""

    audit: pd.DataFrame
    curve: pd.DataFrame
    remarks: list[dict[str, str]]


def audited_runs(
    config: Config, finished: Sequence[str], best: str | None
) -> tuple[list[Run], list[dict[str, str]]]:
    """The runs that the profile wants trained again and the best one; a remark for each missing."""
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
    own: AllAnswers,
    inputs: Inputs,
    targets: Mapping[str, Target],
    *,
    config: Config,
) -> Retrained:
    """Train every run in every variant and fold, or keep what an earlier call has left of it.

    ``own`` are the answers of the runs as they are. A variant that cannot be
    trained is a remark and stops no other.
    """
    variants = all_variants(targets, inputs.levels, config)
    pairs = {f"{run.name}, {variant.name}": (run, variant) for run in runs for variant in variants}
    trainings, failures = plan_trainings(pairs, inputs, config)
    heard = _listener(pairs, inputs, config)
    failures |= train_all(trainings, heard, config, desc="networks of the audit")
    remarks = [{"id": f"audit: {name}", "reason": reason} for name, reason in failures.items()]
    answers: dict[str, Answers] = {}
    for name in (name for name in trainings if name not in failures):
        table = joined_table(trainings[name], "predictions.parquet")
        told = answers_of(table, unit="recording", levels=pairs[name][1].classes)
        remarks += left_out_remarks(name, trainings[name], () if told is None else told.ids)
        if told is not None:
            answers[name] = told
    bootstrap = bootstrap_of(config)
    rows, curve = [], []
    for run in runs:
        of_run = {name: pairs[name][1] for name in answers if pairs[name][0] is run}
        told = [(variant, answers[name]) for name, variant in of_run.items()]
        rows += _audit_rows(run, told, bootstrap, n_all=len(inputs.split))
        points = {
            _n_speakers([one.split for one in trainings[name]]): answers[name]
            for name, variant in of_run.items()
            if variant.condition == CURVE
        }
        if (run.name, "recording") in own:
            folds = [parts_of_fold(inputs.split, fold) for fold in inputs.split["fold"].unique()]
            points[_n_speakers(folds)] = own[run.name, "recording"]
        for n_train, given in points.items():
            shared = {"kind": "run", "model": run.name, "n_train_speakers": n_train}
            curve.append(curve_row(given.asked, shared, bootstrap))
    return Retrained(
        pd.DataFrame(rows, columns=list(AUDIT_COLUMNS)),
        pd.DataFrame(curve, columns=list(CURVE_COLUMNS)),
        remarks,
    )


def plan_trainings(
    pairs: Mapping[str, tuple[Run, Variant]], inputs: Inputs, config: Config
) -> tuple[dict[str, list[Training]], dict[str, str]]:
    """The trainings of each run and variant, and why there are none of others."""
    folder = stage_folder(config, "evaluation") / "retrained"
    processed = output_hashes(config, "processing")
    trainings, failures = {}, {}
    for name, (run, variant) in pairs.items():
        silent = variant.condition == SILENCE
        if silent and run.inputs not in silence.INPUTS:
            failures[name] = f"{run.name} reads words or measures of speech: silence has neither"
            continue
        made_by = [*silence.LENGTHS_S, sha256_of(Path(silence.__file__))] if silent else []
        try:
            trainings[name] = fold_trainings(
                run,
                config,
                inputs.split,
                folder=folder / run.name / variant.name,
                n_seeds=1,
                told=[processed, variant.name, made_by],
                change=variant.change,
                classes=variant.classes,
            )
        except RUN_ERRORS as error:
            failures[name] = reason_of(error)
    return trainings, failures


def _listener(
    pairs: Mapping[str, tuple[Run, Variant]], inputs: Inputs, config: Config
) -> Callable[[str], Heard]:
    """Gives what a run hears in a variant: the recordings, or their pauses; each made once."""
    made: dict[tuple[object, ...], Heard] = {}
    pauses = cache(lambda: silence.silent_corpus(config, inputs))

    def heard(name: str) -> Heard:
        run, variant = pairs[name]
        silent = variant.condition == SILENCE
        kind = (silent, *run.hears)
        if kind not in made:
            made[kind] = (
                pauses().heard(run)
                if silent
                else heard_by(run, config, inputs.segments, inputs.split)
            )
        return made[kind]

    return heard


def left_out_remarks(
    name: str, trainings: Sequence[Training], answered: Sequence[str]
) -> list[dict[str, str]]:
    """A remark if tested recordings have no answer: they are too short, or have no silence."""
    asked = pd.concat([t.split.loc[t.split["part"] == "test", "recording_id"] for t in trainings])
    missing = int((~asked.isin(answered)).sum())
    reason = f"{missing} of {len(asked)} recordings leave it too little to hear: left out"
    return [{"id": f"audit: {name}", "reason": reason}] if missing else []


def _n_speakers(splits: Sequence[pd.DataFrame]) -> int:
    """How many speakers a training learns from, the mean over the folds."""
    trained = [split.loc[split["part"] == "train", "speaker_id"].nunique() for split in splits]
    return round(float(np.mean(trained)))


def _audit_rows(
    run: Run, told: Sequence[tuple[Variant, Answers]], bootstrap: Bootstrap, *, n_all: int
) -> list[dict[str, object]]:
    """A row for silence, one for all permutations together, and one for each other target."""
    rows = []
    audited = [pair for pair in told if pair[0].condition != CURVE]
    for key, group in itertools.groupby(audited, lambda pair: (pair[0].condition, pair[0].target)):
        alike = [given for _, given in group]
        predicted = np.concatenate([given.predicted for given in alike])
        asked = alike[0].asked._replace(predicted=predicted)
        shared = {"kind": "run", "model": run.name, "n_dropped": n_all - asked.truth.size}
        shared |= dict(zip(("condition", "target"), key, strict=True))
        rows += audit_rows(asked, shared, bootstrap)
    return rows


def all_variants(
    targets: Mapping[str, Target], levels: tuple[str, ...], config: Config
) -> list[Variant]:
    """Every way in which a run of the audit is trained again; alike ones stand together."""
    permuted = [
        partial(permute_speakers, levels=levels, seed=[config.seed, number])
        for number in range(config.evaluation.n_permuted_trainings)
    ]
    leave_out = partial(leave_speakers_out, seed=config.seed)
    fewer = {share: partial(leave_out, share=share) for share in CURVE_SHARES}
    return [
        Variant("silence", SILENCE, "level", levels, lambda split: split),
        *(
            Variant(f"permuted_{number}", PERMUTED, "level", levels, change)
            for number, change in enumerate(permuted)
        ),
        *(
            Variant(name, WHOLE, name, target.classes, partial(ask_for, target=target))
            for name, target in targets.items()
            if name != "level" and target.classes
        ),
        *(
            Variant(f"speakers_{round(100 * share)}_percent", CURVE, "level", levels, change)
            for share, change in fewer.items()
        ),
    ]


def permute_speakers(
    split: pd.DataFrame, *, levels: tuple[str, ...], seed: Sequence[int]
) -> pd.DataFrame:
    """Speakers of the train part carry the labels of others there, and so in validation.

    The test part keeps its own: an answer that is right is right by chance.
    """
    codes = level_codes(split["level"], classes=levels)
    for part in ("train", "validation"):
        rows = np.flatnonzero(split["part"] == part)
        speakers = split["speaker_id"].to_numpy(dtype=str)[rows]
        codes[rows] = permuted_codes(codes[rows], speakers, seed=seed)
    return split.assign(level=np.array(levels)[codes])


def ask_for(split: pd.DataFrame, *, target: Target) -> pd.DataFrame:
    """Another answer in place of the level; a recording of which it is not known is in no part."""
    codes = target.codes.reindex(split["recording_id"])
    labels = np.array(target.classes)[codes.fillna(0).astype(int)]
    return split.assign(level=labels, part=split["part"].where(codes.notna().to_numpy(), NO_PART))


def leave_speakers_out(split: pd.DataFrame, *, share: float, seed: int) -> pd.DataFrame:
    """A share of the training speakers only; a smaller one is within a larger one."""
    trained = split["part"] == "train"
    names = np.random.default_rng(seed).permutation(np.unique(split.loc[trained, "speaker_id"]))
    kept = names[: max(1, round(share * names.size))]
    left_out = trained & ~split["speaker_id"].isin(kept)
    return split.assign(part=split["part"].mask(left_out, NO_PART))
