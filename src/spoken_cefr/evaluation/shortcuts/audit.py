"""The shortcut audit: does a model hear level, or length, age and microphone?

Probes answer the level from whole recordings, from crops of one length, from
silence only and from the duration alone; and from the same vectors the
speaker's age and gender and the time of recording. Beside each stands what the
same probe reaches when speakers carry the labels of others. The networks' own
answers are scored again within duration classes, where length tells little;
`retraining` trains the networks themselves again.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from spoken_cefr.config import Config
from spoken_cefr.evaluation.scores.bootstrap import (
    Interval,
    interval_of,
    resample,
    speaker_intervals,
    speaker_matrices,
)
from spoken_cefr.evaluation.scores.metrics import METRICS
from spoken_cefr.evaluation.scores.results import answers_of, bootstrap_options, rows_of
from spoken_cefr.evaluation.shortcuts.conditions import CROP, SILENCE, WHOLE, WITHIN
from spoken_cefr.evaluation.shortcuts.probes import (
    Question,
    Target,
    answers,
    cross_validation,
    permuted_kappas,
    question,
    usable_folds,
)
from spoken_cefr.progress import progress

# What a probe hears, by the name of its vectors; others (measures, embeddings) are whole
# recordings.
CONDITIONS: Mapping[str, str] = {
    "duration": "duration only",
    "mel": WHOLE,
    "mel_crop": CROP,
    "mel_silence": SILENCE,
    "speech": WHOLE,
    "speech_crop": CROP,
    "measures": WHOLE,
}
CROP_SUFFIX = "_crop"  # of the runs that were trained on crops of one length
COMPARED = {name: METRICS[name] for name in ("accuracy", "quadratic_weighted_kappa")}
AUDIT_COLUMNS: tuple[str, ...] = (
    *("kind", "model", "condition", "target", "n", "n_speakers", "n_dropped", "chance"),
    *("accuracy", "accuracy_low", "accuracy_high", "kappa", "kappa_low", "kappa_high"),
    *("permuted_kappa", "permuted_kappa_high", "p_value"),
)


def probe_table(
    vectors: Mapping[str, pd.DataFrame],
    targets: Mapping[str, Target],
    speakers: pd.Series,
    duration_classes: pd.Series,
    *,
    config: Config,
) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """Ask every target of every kind of vector.

    Parameters
    ----------
    vectors : mapping of str to pd.DataFrame
        By name; index recording_id.
    targets : mapping of str to Target
        One of them is ``level``: it is asked within duration classes too.
    speakers, duration_classes : pd.Series
        By recording_id.

    Returns
    -------
    pd.DataFrame, list of dict
        ``AUDIT_COLUMNS``, kind "probe"; and a remark for each question that
        could not be asked.
    """
    pairs = [(name, target) for name in vectors for target in targets]
    rows, remarks = [], []
    for name, target in progress(pairs, desc="audit", unit="probe"):
        told = _probe_rows(
            question(vectors[name], targets[target], speakers),
            name,
            target,
            targets[target],
            duration_classes,
            config=config,
        )
        rows += told
        if not told:
            reason = "too few recordings, speakers or classes to ask a probe"
            remarks.append({"id": f"{name} -> {target}", "reason": reason})
    return pd.DataFrame(rows, columns=list(AUDIT_COLUMNS)), remarks


def run_table(
    runs: Mapping[str, pd.DataFrame],
    duration_classes: pd.Series,
    *,
    config: Config,
    levels: Sequence[str],
) -> pd.DataFrame:
    """Score the runs' recordings as a whole and within duration classes.

    Returns
    -------
    pd.DataFrame
        ``AUDIT_COLUMNS``, kind "run"; nothing is permuted there.
    """
    rows = []
    for name, predictions in runs.items():
        told = rows_of(predictions, unit="recording")
        if told.empty:
            continue
        answers_ = answers_of(told, levels)
        strata = duration_classes.reindex(answers_.ids).fillna("").to_numpy(dtype=str)
        cropped = name.endswith(CROP_SUFFIX)
        shared = {"kind": "run", "model": name, "target": "level", "n_dropped": 0}
        shared |= counts_of(answers_.truth, answers_.speakers, len(levels))
        rows += scored_rows(
            answers_.truth,
            answers_.predicted,
            answers_.speakers,
            strata,
            shared,
            condition=CROP if cropped else WHOLE,
            n_classes=len(levels),
            config=config,
        )
    return pd.DataFrame(rows, columns=list(AUDIT_COLUMNS))


def within_strata(
    truth: np.ndarray,
    given: np.ndarray,
    speakers: np.ndarray,
    strata: np.ndarray,
    *,
    n_classes: int,
    config: Config,
) -> dict[str, Interval]:
    """Measures within strata, averaged by their number of units.

    Parameters
    ----------
    truth : np.ndarray, shape (n,), int
    given : np.ndarray, shape (n_repeats, n), int
    speakers, strata : np.ndarray, shape (n,), str

    Returns
    -------
    dict of str to Interval
        accuracy and quadratic_weighted_kappa, mean over the repeats. A stratum
        in which kappa is undefined is left out of its mean.
    """
    names = np.unique(strata)
    options = bootstrap_options(config)
    n_speakers = np.unique(speakers).size
    sums = np.stack(
        [
            [
                _matrices_of(truth, answer, speakers, strata == name, n_classes=n_classes)
                for name in names
            ]
            for answer in given
        ]
    )  # (n_repeats, n_strata, n_speakers, k, k)
    by_speaker = np.moveaxis(sums, 2, 0)
    drawn = resample(by_speaker, n_bootstrap=options["n_bootstrap"], seed=options["seed"])
    return {
        name: interval_of(
            _mean_within(metric, by_speaker.sum(axis=0)),
            _mean_within(metric, drawn),
            n_speakers=n_speakers,
            confidence=options["confidence"],
        )
        for name, metric in COMPARED.items()
    }


@threadpool_limits.wrap(limits=1)  # matrices are small, and sums must not depend on the cores
def _probe_rows(
    asked: Question,
    name: str,
    target_name: str,
    target: Target,
    duration_classes: pd.Series,
    *,
    config: Config,
) -> list[dict[str, object]]:
    """The rows of one question; none if it cannot be asked."""
    n_folds = usable_folds(asked)
    if not n_folds:
        return []
    n_classes = len(target.classes)
    repeats = cross_validation(
        asked, n_repeats=config.evaluation.n_repeats, n_folds=n_folds, seed=config.seed
    )
    given = answers(repeats, asked.codes[None], n_classes=n_classes)[0]
    strata = duration_classes.reindex(asked.recording_ids).fillna("").to_numpy(dtype=str)
    shared = {"kind": "probe", "model": name, "target": target_name, "n_dropped": asked.n_dropped}
    shared |= counts_of(asked.codes, asked.speakers, n_classes)
    rows = scored_rows(
        asked.codes,
        given,
        asked.speakers,
        strata if target_name == "level" else None,
        shared,
        condition=CONDITIONS.get(name, WHOLE),
        n_classes=n_classes,
        config=config,
    )
    by_chance = permuted_kappas(
        repeats,
        asked,
        n_classes=n_classes,
        n_permutations=config.evaluation.n_permutations,
        seed=config.seed,
    )
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


def scored_rows(
    truth: np.ndarray,
    given: np.ndarray,
    speakers: np.ndarray,
    strata: np.ndarray | None,
    shared: dict[str, object],
    *,
    condition: str,
    n_classes: int,
    config: Config,
) -> list[dict[str, object]]:
    """Rows of a table: one for all units, and one within strata if there are several.

    Parameters
    ----------
    truth : np.ndarray, shape (n,), int
    given : np.ndarray, shape (n_repeats, n), int
    speakers : np.ndarray, shape (n,), str
    strata : np.ndarray, shape (n,), str, optional
    shared : dict
        The columns that do not depend on the answers.
    """
    whole = speaker_intervals(
        COMPARED, truth, given, speakers, n_classes=n_classes, **bootstrap_options(config)
    )
    rows = [shared | {"condition": condition} | _told(whole)]
    if strata is not None and np.unique(strata).size > 1:
        within = within_strata(truth, given, speakers, strata, n_classes=n_classes, config=config)
        rows.append(shared | {"condition": WITHIN} | _told(within))
    return rows


def _told(intervals: Mapping[str, Interval]) -> dict[str, float]:
    names = {"accuracy": "accuracy", "quadratic_weighted_kappa": "kappa"}
    row = {}
    for metric, interval in intervals.items():
        name = names[metric]
        row |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return row


def counts_of(codes: np.ndarray, speakers: np.ndarray, n_classes: int) -> dict[str, object]:
    """How many units, speakers, and the share of the commonest class."""
    counts = np.bincount(codes, minlength=n_classes)
    return {
        "n": codes.size,
        "n_speakers": np.unique(speakers).size,
        "chance": float(counts.max() / codes.size),
    }


def _matrices_of(
    truth: np.ndarray,
    answer: np.ndarray,
    speakers: np.ndarray,
    chosen: np.ndarray,
    *,
    n_classes: int,
) -> np.ndarray:
    """Confusion matrix of each speaker on the chosen units, zeros for those who have none."""
    all_names = np.unique(speakers)
    matrices = np.zeros((all_names.size, n_classes, n_classes), dtype=np.int64)
    found = speaker_matrices(truth[chosen], answer[chosen], speakers[chosen], n_classes=n_classes)
    matrices[np.isin(all_names, speakers[chosen])] = found
    return matrices


def _mean_within(metric, matrices: np.ndarray) -> np.ndarray:
    """Weighted mean of a measure over strata, then over repeats. (..., r, s, k, k) -> (...)"""
    values = metric(matrices)
    weights = np.where(np.isnan(values), 0, matrices.sum(axis=(-2, -1)))
    total = weights.sum(axis=-1)
    sums = (np.nan_to_num(values) * weights).sum(axis=-1)
    means = np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)
    return means.mean(axis=-1)
