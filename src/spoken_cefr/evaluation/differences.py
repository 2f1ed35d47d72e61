"""Is one run better than another, and than what needs no listening?"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.bootstrap import paired_differences, speaker_intervals
from spoken_cefr.evaluation.metrics import METRICS, quadratic_weighted_kappa
from spoken_cefr.evaluation.results import bootstrap_options, codes_of, rows_of
from spoken_cefr.evaluation.tables import UNITS
from spoken_cefr.levels import TARGET_LEVELS, level_codes
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
    tables = _by_unit({**shortcuts, **runs})
    rows = [
        {"run": run, "other": other, "other_is": kind, "unit": unit} | row
        for run, other, kind in progress(pairs, desc="differences", unit="pair")
        for unit in UNITS
        for row in difference_rows(
            tables[run, unit], tables[other, unit], config=config, levels=levels
        )
    ]
    return pd.DataFrame(rows, columns=list(DIFFERENCE_COLUMNS))


def difference_rows(
    first: pd.DataFrame,
    second: pd.DataFrame,
    *,
    config: Config,
    levels: Sequence[str] = TARGET_LEVELS,
) -> list[dict[str, object]]:
    """Compare two tables of predictions on the units that both answer.

    Parameters
    ----------
    first, second : pd.DataFrame
        Rows of one unit and part.

    Returns
    -------
    list of dict
        metric, n, n_speakers, difference (first minus second), low, high,
        exceeds (whether the whole interval is above 0; None with fewer than
        ``MIN_SPEAKERS``, where that would mean little). No row where the two
        share no unit.
    """
    both = shared_rows(first, second)
    if both.empty:
        return []
    truth, ours, speakers = codes_of(both, levels)
    n_speakers = np.unique(speakers).size
    differences = paired_differences(
        {name: METRICS[name] for name in COMPARED},
        truth,
        ours,
        level_codes(both["predicted_other"], classes=levels),
        speakers,
        n_classes=len(levels),
        **bootstrap_options(config),
    )
    return [
        {
            "metric": metric,
            "n": len(both),
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
    tables = _by_unit(runs)
    for run, other in combinations(runs, 2):
        for unit in UNITS:
            both = shared_rows(tables[run, unit], tables[other, unit])
            if both.empty:
                continue
            theirs = level_codes(both["predicted_other"], classes=levels)
            _, ours, speakers = codes_of(both, levels)
            kappa = speaker_intervals(
                {"kappa": quadratic_weighted_kappa},
                theirs,
                ours,
                speakers,
                n_classes=len(levels),
                **bootstrap_options(config),
            )["kappa"]
            rows.append(
                {
                    "run": run,
                    "other": other,
                    "unit": unit,
                    "n": len(both),
                    "n_speakers": np.unique(speakers).size,
                    "same_answer": float((ours == theirs).mean()),
                    "quadratic_weighted_kappa": kappa.value,
                    "low": kappa.low,
                    "high": kappa.high,
                }
            )
    columns = ["run", "other", "unit", "n", "n_speakers", "same_answer"]
    return pd.DataFrame(rows, columns=[*columns, "quadratic_weighted_kappa", "low", "high"])


def shared_rows(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The units of both tables: the first's columns, and the second's ``predicted_other``.

    Both hold rows of one unit, so that the id alone names a row.
    """
    if first["id"].tolist() == second["id"].tolist():  # as a rule; a merge takes much longer
        return first.assign(predicted_other=second["predicted"].to_numpy())
    theirs = second[["id", "predicted"]].rename(columns={"predicted": "predicted_other"})
    return first.merge(theirs, on="id")


def _by_unit(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str], pd.DataFrame]:
    """The test rows of each table and unit, sorted by id."""
    return {
        (name, unit): rows_of(table, unit=unit).sort_values("id", ignore_index=True)
        for name, table in tables.items()
        for unit in UNITS
    }
