"""Is one run better than another, and than what needs no listening?"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from spoken_cefr.evaluation.scores.answers import AllAnswers, Answers, pairs_of
from spoken_cefr.evaluation.scores.intervals import (
    Asked,
    Bootstrap,
    paired_differences,
    speaker_intervals,
)
from spoken_cefr.evaluation.scores.metrics import METRICS, quadratic_weighted_kappa
from spoken_cefr.progress import progress

# With three speakers one resample in 27 is the worst of them alone: the lower bound is then
# hardly more than that speaker. From six up (1 in 46 656) bounds come from mixtures.
MIN_SPEAKERS = 6
COMPARED: tuple[str, ...] = ("accuracy", "macro_f1", "quadratic_weighted_kappa")
DIFFERENCE_COLUMNS: tuple[str, ...] = (
    *("run", "other", "other_is", "unit", "metric", "n", "n_speakers"),
    *("difference", "low", "high", "exceeds"),
)
EXCEEDS_COLUMNS: tuple[str, ...] = (
    *("run", "unit", "metric", "n_speakers", "n_shortcuts", "n_exceeded", "not_exceeded"),
    "exceeds_all",
)
AGREEMENT_COLUMNS: tuple[str, ...] = (
    *("run", "other", "unit", "n", "n_speakers", "same_answer", "quadratic_weighted_kappa"),
    *("low", "high"),
)


def difference_table(
    answers: AllAnswers, runs: Sequence[str], shortcuts: Sequence[str], bootstrap: Bootstrap
) -> pd.DataFrame:
    """Compare each run with each shortcut, and each two runs once: ``DIFFERENCE_COLUMNS``.

    other_is is "shortcut" or "run"; the others as :func:`difference_rows` says.
    """
    pairs = [(run, other) for run in runs for other in shortcuts]
    pairs += combinations(runs, 2)
    rows = [
        {"run": run, "other": other, "unit": unit}
        | {"other_is": "shortcut" if other in shortcuts else "run"}
        | row
        for pair in progress(pairs, desc="differences", unit="pair")
        for run, other, unit, ours, theirs in pairs_of(answers, [pair])
        for row in difference_rows(ours, theirs, bootstrap)
    ]
    return pd.DataFrame(rows, columns=list(DIFFERENCE_COLUMNS))


def difference_rows(
    ours: Answers, theirs: Answers, bootstrap: Bootstrap
) -> list[dict[str, object]]:
    """Compare two sets of answers to the same units.

    A row: metric, n, n_speakers, difference (first minus second, each the mean
    over its seeds), low, high, exceeds (whether the whole interval is above 0;
    None with fewer than ``MIN_SPEAKERS``, where that would mean little).
    """
    n_speakers = np.unique(ours.speakers).size
    compared = {name: METRICS[name] for name in COMPARED}
    differences = paired_differences(compared, ours.asked, theirs.asked, bootstrap)
    return [
        {
            "metric": metric,
            "n": ours.truth.size,
            "n_speakers": n_speakers,
            "difference": interval.value,
            "low": interval.low,
            "high": interval.high,
            "exceeds": bool(interval.low > 0) if n_speakers >= MIN_SPEAKERS else None,
        }
        for metric, interval in differences.items()
    ]


def exceeds_table(differences: pd.DataFrame) -> pd.DataFrame:
    """Which runs exceed every shortcut (a result counts only above all): ``EXCEEDS_COLUMNS``.

    One row per run, unit and metric; not_exceeded names shortcuts, exceeds_all is
    None with fewer than ``MIN_SPEAKERS``.
    """
    rows = []
    of_shortcuts = differences[differences["other_is"] == "shortcut"]
    for key, group in of_shortcuts.groupby(["run", "unit", "metric"], sort=False):
        told = group["exceeds"].notna().all()
        beaten = group["exceeds"].eq(True)
        not_exceeded = "; ".join(group["other"][~beaten]) if told else ""
        counts = int(group["n_speakers"].min()), len(group), int(beaten.sum()) if told else None
        rows.append((*key, *counts, not_exceeded, bool(beaten.all()) if told else None))
    return pd.DataFrame(rows, columns=list(EXCEEDS_COLUMNS))


def agreement_table(answers: AllAnswers, runs: Sequence[str], bootstrap: Bootstrap) -> pd.DataFrame:
    """How much each two runs agree on the test units, right or wrong: ``AGREEMENT_COLUMNS``.

    same_answer is a share; low and high are those of kappa over speakers.
    """
    rows = []
    for run, other, unit, ours, theirs in pairs_of(answers, list(combinations(runs, 2))):
        # Seed by seed; a single one stands beside each of the other's.
        n_seeds = max(len(ours.predicted), len(theirs.predicted))
        both = [
            np.broadcast_to(one.predicted, (n_seeds, one.truth.size)).ravel()
            for one in (theirs, ours)
        ]
        asked = Asked(*both, np.tile(ours.speakers, n_seeds), ours.asked.n_classes)
        kappa = speaker_intervals({"kappa": quadratic_weighted_kappa}, asked, bootstrap)["kappa"]
        counts = ours.truth.size, np.unique(ours.speakers).size
        rows.append((run, other, unit, *counts, float((both[0] == both[1]).mean()), *kappa))
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))
