"""Is one run better than another, and than what needs no listening?"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.scores.bootstrap import paired_differences, speaker_intervals
from spoken_cefr.evaluation.scores.metrics import METRICS, quadratic_weighted_kappa
from spoken_cefr.evaluation.scores.results import Answers, answers_of, bootstrap_options, rows_of
from spoken_cefr.evaluation.tables import UNITS
from spoken_cefr.progress import progress

# With three speakers one resample in 27 is the worst of them alone: the lower bound is then
# hardly more than that speaker. From six up (1 in 46 656) bounds come from mixtures.
MIN_SPEAKERS = 6
COMPARED: tuple[str, ...] = ("accuracy", "macro_f1", "quadratic_weighted_kappa")
DIFFERENCE_COLUMNS: tuple[str, ...] = (
    *("run", "other", "other_is", "unit", "metric", "n", "n_speakers"),
    *("difference", "low", "high", "exceeds"),
)


def difference_table(
    runs: Mapping[str, pd.DataFrame],
    shortcuts: Mapping[str, pd.DataFrame],
    *,
    config: Config,
    levels: Sequence[str] = TARGET_LEVELS,
) -> pd.DataFrame:
    """Compare each run with each shortcut, and each two runs once.

    Parameters
    ----------
    runs, shortcuts : mapping of str to pd.DataFrame
        Predictions by name.

    Returns
    -------
    pd.DataFrame
        ``DIFFERENCE_COLUMNS``; other_is is "shortcut" or "run".
    """
    pairs = [(run, other, "shortcut") for run in runs for other in shortcuts]
    pairs += [(run, other, "run") for run, other in combinations(runs, 2)]
    tables = _by_unit({**shortcuts, **runs}, levels)
    rows = [
        {"run": run, "other": other, "other_is": kind, "unit": unit} | row
        for run, other, kind in progress(pairs, desc="differences", unit="pair")
        for unit in UNITS
        if (run, unit) in tables and (other, unit) in tables
        for row in difference_rows(
            tables[run, unit], tables[other, unit], config=config, levels=levels
        )
    ]
    return pd.DataFrame(rows, columns=list(DIFFERENCE_COLUMNS))


def difference_rows(
    first: Answers,
    second: Answers,
    *,
    config: Config,
    levels: Sequence[str] = TARGET_LEVELS,
) -> list[dict[str, object]]:
    """Compare two sets of answers on the units that both hold.

    Returns
    -------
    list of dict
        metric, n, n_speakers, difference (first minus second, each the mean over
        its seeds), low, high, exceeds (whether the whole interval is above 0;
        None with fewer than ``MIN_SPEAKERS``, where that would mean little). No
        row where the two share no unit.
    """
    ours, theirs = shared_answers(first, second)
    if ours.truth.size == 0:
        return []
    n_speakers = np.unique(ours.speakers).size
    differences = paired_differences(
        {name: METRICS[name] for name in COMPARED},
        ours.truth,
        ours.predicted,
        theirs.predicted,
        ours.speakers,
        n_classes=len(levels),
        **bootstrap_options(config),
    )
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
    """Which runs exceed every shortcut: a result counts only above all of them.

    Returns
    -------
    pd.DataFrame
        One row per run, unit and metric: run, unit, metric, n_speakers,
        n_shortcuts, n_exceeded, not_exceeded (their names), exceeds_all (None
        with fewer than ``MIN_SPEAKERS``).
    """
    rows = []
    of_shortcuts = differences[differences["other_is"] == "shortcut"]
    for (run, unit, metric), group in of_shortcuts.groupby(["run", "unit", "metric"], sort=False):
        told = group["exceeds"].notna().all()
        beaten = group["exceeds"].eq(True)
        rows.append(
            {
                "run": run,
                "unit": unit,
                "metric": metric,
                "n_speakers": int(group["n_speakers"].min()),
                "n_shortcuts": len(group),
                "n_exceeded": int(beaten.sum()) if told else None,
                "not_exceeded": "; ".join(group["other"][~beaten]) if told else "",
                "exceeds_all": bool(beaten.all()) if told else None,
            }
        )
    columns = ["run", "unit", "metric", "n_speakers", "n_shortcuts"]
    return pd.DataFrame(rows, columns=[*columns, "n_exceeded", "not_exceeded", "exceeds_all"])


def agreement_table(
    runs: Mapping[str, pd.DataFrame],
    *,
    config: Config,
    levels: Sequence[str] = TARGET_LEVELS,
) -> pd.DataFrame:
    """How much each two runs agree on the test units, right or wrong.

    Returns
    -------
    pd.DataFrame
        run, other, unit, n, n_speakers, same_answer (share),
        quadratic_weighted_kappa with low and high over speakers.
    """
    rows = []
    tables = _by_unit(runs, levels)
    for run, other in combinations(runs, 2):
        for unit in UNITS:
            if (run, unit) not in tables or (other, unit) not in tables:
                continue
            ours, theirs = shared_answers(tables[run, unit], tables[other, unit])
            if ours.truth.size == 0:
                continue
            # Seed by seed; a single one stands beside each of the other's.
            n_seeds = max(len(ours.predicted), len(theirs.predicted))
            pairs = [
                np.broadcast_to(one.predicted, (n_seeds, ours.truth.size)).ravel()
                if len(one.predicted) == 1
                else one.predicted.ravel()
                for one in (theirs, ours)
            ]
            kappa = speaker_intervals(
                {"kappa": quadratic_weighted_kappa},
                *pairs,
                np.tile(ours.speakers, n_seeds),
                n_classes=len(levels),
                **bootstrap_options(config),
            )["kappa"]
            rows.append(
                {
                    "run": run,
                    "other": other,
                    "unit": unit,
                    "n": ours.truth.size,
                    "n_speakers": np.unique(ours.speakers).size,
                    "same_answer": float((pairs[0] == pairs[1]).mean()),
                    "quadratic_weighted_kappa": kappa.value,
                    "low": kappa.low,
                    "high": kappa.high,
                }
            )
    columns = ["run", "other", "unit", "n", "n_speakers", "same_answer"]
    return pd.DataFrame(rows, columns=[*columns, "quadratic_weighted_kappa", "low", "high"])


def shared_answers(first: Answers, second: Answers) -> tuple[Answers, Answers]:
    """Both on the units that both hold, in the same order."""
    _, mine, theirs = np.intersect1d(first.ids, second.ids, return_indices=True)
    return _chosen(first, mine), _chosen(second, theirs)


def _chosen(told: Answers, units: np.ndarray) -> Answers:
    return Answers(
        told.ids[units],
        told.truth[units],
        told.predicted[:, units],
        told.probabilities[:, units],
        told.speakers[units],
    )


def _by_unit(
    tables: Mapping[str, pd.DataFrame], levels: Sequence[str]
) -> dict[tuple[str, str], Answers]:
    """The test answers of each table and unit that it answers."""
    rows = {
        (name, unit): rows_of(table, unit=unit) for name, table in tables.items() for unit in UNITS
    }
    return {key: answers_of(told, levels) for key, told in rows.items() if len(told)}
