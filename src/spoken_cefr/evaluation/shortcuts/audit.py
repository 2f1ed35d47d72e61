"""The shortcut audit: does a model hear level, or length, age and microphone?

Probes answer the level from whole recordings, from crops of one length, from
silence only and from the duration alone; and from the same vectors the
speaker's age and gender and the time of recording. Beside each stands what the
same probe reaches when speakers carry the labels of others. The networks' own
answers are scored again within duration classes, where length tells little;
`retraining` trains the networks themselves again.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.cards import AGE_GROUPS, duration_class
from spoken_cefr.corpus.levels import level_codes
from spoken_cefr.evaluation.reading import Inputs
from spoken_cefr.evaluation.scores.answers import AllAnswers
from spoken_cefr.evaluation.scores.differences import MIN_SPEAKERS
from spoken_cefr.evaluation.scores.groups import group_table
from spoken_cefr.evaluation.scores.intervals import Bootstrap, bootstrap_of
from spoken_cefr.evaluation.shortcuts.probes import (
    Question,
    Target,
    cross_validation,
    permuted_kappas,
    question,
    usable_folds,
)
from spoken_cefr.evaluation.shortcuts.retraining import audited_runs, perform_retraining
from spoken_cefr.evaluation.shortcuts.rows import (
    AUDIT_COLUMNS,
    CROP,
    CURVE_COLUMNS,
    SILENCE,
    WHOLE,
    audit_rows,
    curve_row,
    marks_of,
)
from spoken_cefr.evaluation.shortcuts.vectors import recording_vectors
from spoken_cefr.evaluation.shortcuts.verdict import verdict
from spoken_cefr.figures.audit import draw_audit, draw_learning_curve
from spoken_cefr.figures.results import draw_groups
from spoken_cefr.figures.style import Sketch
from spoken_cefr.progress import progress

# What a probe hears, by the name of its vectors; others are of whole recordings.
CONDITIONS: Mapping[str, str] = {
    "duration": "duration only",
    "mel_crop": CROP,
    "mel_silence": SILENCE,
    "speech_crop": CROP,
}
CROP_SUFFIX = "_crop"  # of the runs that were trained on crops of one length
# Cropped or silent vectors tell the audit; the curve is about whole recordings.
CURVE_VECTORS: tuple[str, ...] = ("duration", "mel", "speech", "measures")
N_PERIODS = 3  # of the years of recording
SHARES: tuple[float, ...] = (0.1, 0.2, 0.35, 0.6, 1.0)  # of the speakers that a fold trains on


def perform_audit(
    inputs: Inputs,
    answers: AllAnswers,
    exceeds: pd.DataFrame,
    *,
    ranked: Sequence[str],
    config: Config,
) -> tuple[dict[str, pd.DataFrame], dict[str, Any], dict[str, Sketch], list[dict[str, str]]]:
    """Ask the probes, train networks again, score the runs by group, and draw the learning curve.

    Gives tables by name of their file, the document ``audit``, figures by name, and remarks.
    ``exceeds`` is as ``exceeds.csv``; ``ranked`` are the runs, the first of which the
    paragraph is about.
    """
    best = ranked[0] if ranked else None
    runs = sorted(ranked)
    cards = cards_of(inputs)
    speakers, classes = cards["speaker_id"], cards["duration_class"]
    vectors, remarks = recording_vectors(inputs, cards, runs, config)
    targets = audit_targets(cards, inputs.levels)
    probes, unasked = probe_table(vectors, targets, speakers, classes, config=config)
    bootstrap = bootstrap_of(config)
    of_runs = run_table(answers, runs, classes, bootstrap)
    audited, unfinished = audited_runs(config, runs, best)
    retrained = perform_retraining(audited, answers, inputs, targets, config=config)
    audit = _joined(probes, of_runs, retrained.audit)
    shown = {name: vectors[name] for name in CURVE_VECTORS if name in vectors}
    curve = learning_curve(shown, targets["level"], speakers, config=config)
    curve = _joined(curve, retrained.curve)
    groups = group_table(answers, runs, cards, bootstrap)
    figures = {
        "audit": partial(draw_audit, audit, marks_of(audit)),
        "learning_curve": partial(draw_learning_curve, curve),
    }
    if best:
        figures["groups"] = partial(draw_groups, groups, best, min_speakers=MIN_SPEAKERS)
    tables = {"audit": audit, "audit_groups": groups, "learning_curve": curve}
    told = verdict(audit, exceeds, run=best, n_test_speakers=speakers.nunique(), config=config)
    return tables, told, figures, remarks + unasked + unfinished + retrained.remarks


def cards_of(inputs: Inputs) -> pd.DataFrame:
    """The split's recordings with their cards: index recording_id, sorted.

    speaker_id, level (the class), part, age_group, gender ("" where unknown),
    duration_class (by the duration where the site gives none), duration_s, year.
    """
    split = inputs.split.set_index("recording_id")[["speaker_id", "level", "part"]]
    columns = ["age_group", "gender", "duration_class", "duration_s", "date"]
    metadata = inputs.metadata.drop_duplicates("recording_id").set_index("recording_id")[columns]
    cards = split.join(metadata, how="left").sort_index()
    for name in ("age_group", "gender", "duration_class", "date"):
        cards[name] = cards[name].fillna("").astype(str)
    cards["duration_s"] = pd.to_numeric(cards["duration_s"], errors="coerce")
    by_length = cards["duration_s"].map(duration_class)
    cards["duration_class"] = cards["duration_class"].where(
        cards["duration_class"] != "", by_length
    )
    cards["year"] = pd.to_numeric(cards.pop("date").str[:4], errors="coerce")
    return cards


def audit_targets(cards: pd.DataFrame, levels: tuple[str, ...]) -> dict[str, Target]:
    """The level, the speaker's age and gender, and the third of the years of recording.

    Recordings with several ages or genders, or none, are left out of that target.
    """
    levels_ = pd.Series(level_codes(cards["level"], classes=levels), index=cards.index)
    genders = tuple(sorted(name for name in cards["gender"].unique() if name and "," not in name))
    return {
        "level": Target(levels_, levels),
        "age_group": _of_names(cards["age_group"], tuple(AGE_GROUPS)),
        "gender": _of_names(cards["gender"], genders),
        "year": _periods(cards["year"].dropna()),
    }


def _of_names(values: pd.Series, classes: tuple[str, ...]) -> Target:
    known = values[values.isin(classes)]
    return Target(pd.Series(level_codes(known, classes=classes), index=known.index), classes)


def _periods(years: pd.Series) -> Target:
    """Thirds of the recordings by year; a year is never cut in two."""
    if years.empty:
        return Target(years.astype(int), ())
    bounds = np.quantile(years, np.arange(1, N_PERIODS) / N_PERIODS, method="lower")
    _, codes = np.unique(np.searchsorted(bounds, years.to_numpy()), return_inverse=True)
    spans = years.groupby(codes).agg(["min", "max"]).astype(int)
    names = tuple(f"{low}-{high}" for low, high in spans.to_numpy())
    return Target(pd.Series(codes, index=years.index), names)


def _joined(*tables: pd.DataFrame) -> pd.DataFrame:
    """One table below the other; pandas is about to mind empty ones."""
    return pd.concat([one for one in tables if len(one)] or tables[:1], ignore_index=True)


def probe_table(
    vectors: Mapping[str, pd.DataFrame],
    targets: Mapping[str, Target],
    speakers: pd.Series,
    duration_classes: pd.Series,
    *,
    config: Config,
) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """Ask every target of every kind of vector, the level within duration classes too.

    Vectors and the two series have the index recording_id. Gives ``AUDIT_COLUMNS``,
    and a remark for each question that could not be asked.
    """
    rows, remarks = [], []
    pairs = [(name, target) for name in vectors for target in targets]
    for name, target in progress(pairs, desc="audit", unit="probe"):
        asked = question(vectors[name], targets[target], speakers)
        n_folds = usable_folds(asked)
        if not n_folds:
            reason = "too few recordings, speakers or classes to ask a probe"
            remarks.append({"id": f"{name} -> {target}", "reason": reason})
            continue
        strata = duration_classes.reindex(asked.recording_ids).fillna("").to_numpy(dtype=str)
        shared = {"kind": "probe", "model": name, "condition": CONDITIONS.get(name, WHOLE)}
        rows += _probe_rows(
            asked,
            shared | {"target": target, "n_dropped": asked.n_dropped},
            n_folds=n_folds,
            strata=strata if target == "level" else None,
            config=config,
        )
    return pd.DataFrame(rows, columns=list(AUDIT_COLUMNS)), remarks


def _probe_rows(
    asked: Question,
    shared: dict[str, object],
    *,
    n_folds: int,
    strata: np.ndarray | None,
    config: Config,
) -> list[dict[str, object]]:
    """The rows of one question; the first says what chance reaches."""
    e = config.evaluation
    repeats = cross_validation(asked, n_repeats=e.n_repeats, n_folds=n_folds, seed=config.seed)
    rows = audit_rows(asked.answered(repeats), shared, bootstrap_of(config), strata=strata)
    by_chance = permuted_kappas(repeats, asked, n_permutations=e.n_permutations, seed=config.seed)
    by_chance = by_chance[~np.isnan(by_chance)]
    if by_chance.size:
        as_good = (by_chance >= rows[0]["kappa"]).sum()
        rows[0] |= {
            "permuted_kappa": float(by_chance.mean()),
            "permuted_kappa_high": float(np.quantile(by_chance, 0.95)),
            # Phipson and Smyth (2010): a permutation p-value is never 0.
            "p_value": float((1 + as_good) / (1 + by_chance.size)),
        }
    return rows


def run_table(
    answers: AllAnswers, runs: Sequence[str], duration_classes: pd.Series, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Score the runs' recordings as a whole and within duration classes: ``AUDIT_COLUMNS``."""
    rows = []
    for name in runs:
        told = answers.get((name, "recording"))
        if told is None:
            continue
        condition = CROP if name.endswith(CROP_SUFFIX) else WHOLE
        shared = {"kind": "run", "model": name, "condition": condition, "target": "level"}
        strata = duration_classes.reindex(told.ids).fillna("").to_numpy(dtype=str)
        rows += audit_rows(told.asked, shared | {"n_dropped": 0}, bootstrap, strata=strata)
    return pd.DataFrame(rows, columns=list(AUDIT_COLUMNS))


def learning_curve(
    vectors: Mapping[str, pd.DataFrame], level: Target, speakers: pd.Series, *, config: Config
) -> pd.DataFrame:
    """Would more speakers help? Score a probe of the level by how many it was trained on.

    Each recording is answered by models of randomly drawn speakers of the other
    folds, anew in each repeat: ``CURVE_COLUMNS``, means over the repeats. Vectors of
    which too few recordings are known have no rows.
    """
    rows = []
    for name, table in progress(vectors.items(), desc="learning curve", unit="vector"):
        asked = question(table, level, speakers)
        n_folds = usable_folds(asked)
        n_speakers = np.unique(asked.speakers).size
        # A fold tests so many at most; every model has the others to train on.
        n_tested = -(-n_speakers // n_folds) if n_folds else 0
        for n_train in train_sizes(n_speakers - n_tested) if n_folds else ():
            repeats = cross_validation(
                asked,
                n_repeats=config.evaluation.n_repeats,
                n_folds=n_folds,
                seed=config.seed,
                n_train_speakers=n_train,
            )
            shared = {"kind": "probe", "model": name, "n_train_speakers": n_train}
            rows.append(curve_row(asked.answered(repeats), shared, bootstrap_of(config)))
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def train_sizes(most: int) -> list[int]:
    """Numbers of speakers to train on, up to the most that can be drawn in each fold."""
    return sorted({max(1, round(share * most)) for share in SHARES})
