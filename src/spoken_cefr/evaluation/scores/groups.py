"""For whom does a run work? Results by the speaker's age and gender and by duration."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.scores.bootstrap import interval_of, resample, speaker_matrices
from spoken_cefr.evaluation.scores.differences import MIN_SPEAKERS
from spoken_cefr.evaluation.scores.metrics import METRICS
from spoken_cefr.evaluation.scores.results import Answers, answers_of, bootstrap_options, rows_of

GROUPINGS: tuple[str, ...] = ("age_group", "gender", "duration_class")
SHOWN: tuple[str, ...] = ("accuracy", "mean_absolute_error")
GROUP_COLUMNS: tuple[str, ...] = (
    *("run", "grouping", "group", "metric", "n", "n_speakers", "value", "low", "high"),
    *("difference", "difference_low", "difference_high", "differs"),
)


def group_table(
    runs: Mapping[str, pd.DataFrame],
    cards: pd.DataFrame,
    *,
    config: Config,
    levels: Sequence[str],
) -> pd.DataFrame:
    """Score the recordings group by group.

    Parameters
    ----------
    cards : pd.DataFrame
        Index recording_id; columns ``GROUPINGS``, "" where unknown.

    Returns
    -------
    pd.DataFrame
        ``GROUP_COLUMNS``. difference is the group minus all others, over the
        same drawn speakers; differs says whether its interval leaves 0 out
        (None with fewer than ``MIN_SPEAKERS`` in the group or in the rest).
    """
    rows = []
    for run, predictions in runs.items():
        told = rows_of(predictions, unit="recording")
        if told.empty:
            continue
        answers = answers_of(told, levels)
        for grouping in GROUPINGS:
            groups = cards[grouping].reindex(answers.ids).fillna("").to_numpy(dtype=str)
            for group in np.unique(groups):
                shared = {"run": run, "grouping": grouping, "group": group or "unknown"}
                rows += [
                    shared | row
                    for row in _group_rows(answers, groups == group, config=config, levels=levels)
                ]
    return pd.DataFrame(rows, columns=list(GROUP_COLUMNS))


def _group_rows(
    answers: Answers, inside: np.ndarray, *, config: Config, levels: Sequence[str]
) -> list[dict[str, object]]:
    options = bootstrap_options(config)
    # Groups of one or the other part are two more rows and columns of one matrix, so that both
    # see the same drawn speakers.
    k = len(levels)
    truth, speakers = answers.truth + k * inside, answers.speakers
    # Both measures are linear in the counts: the mean over seeds is that of their sum.
    both = sum(
        speaker_matrices(truth, given + k * inside, speakers, n_classes=2 * k)
        for given in answers.predicted
    )
    drawn = resample(both, n_bootstrap=options["n_bootstrap"], seed=options["seed"])
    n_inside = np.unique(speakers[inside]).size
    n_outside = np.unique(speakers[~inside]).size
    rows = []
    for name in SHOWN:
        group = [METRICS[name](matrices[..., k:, k:]) for matrices in (both.sum(axis=0), drawn)]
        rest = [METRICS[name](matrices[..., :k, :k]) for matrices in (both.sum(axis=0), drawn)]
        ours = interval_of(*group, n_speakers=n_inside, confidence=options["confidence"])
        apart = interval_of(
            group[0] - rest[0],
            group[1] - rest[1],
            n_speakers=min(n_inside, n_outside),
            confidence=options["confidence"],
        )
        told = min(n_inside, n_outside) >= MIN_SPEAKERS
        rows.append(
            {
                "metric": name,
                "n": int(inside.sum()),
                "n_speakers": n_inside,
                "value": ours.value,
                "low": ours.low,
                "high": ours.high,
                "difference": apart.value,
                "difference_low": apart.low,
                "difference_high": apart.high,
                "differs": bool(apart.low > 0 or apart.high < 0) if told else None,
            }
        )
    return rows
