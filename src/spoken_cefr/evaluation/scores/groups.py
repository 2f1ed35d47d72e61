"""For whom does a run work? Results by the speaker's age and gender and by duration."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spoken_cefr.evaluation.scores.answers import AllAnswers, Answers
from spoken_cefr.evaluation.scores.differences import MIN_SPEAKERS
from spoken_cefr.evaluation.scores.intervals import (
    Asked,
    Bootstrap,
    interval_of,
    resample,
    speaker_matrices,
)
from spoken_cefr.evaluation.scores.metrics import METRICS

GROUPINGS: tuple[str, ...] = ("age_group", "gender", "duration_class")
SHOWN: tuple[str, ...] = ("accuracy", "mean_absolute_error")
GROUP_COLUMNS: tuple[str, ...] = (
    *("run", "grouping", "group", "metric", "n", "n_speakers", "value", "low", "high"),
    *("difference", "difference_low", "difference_high", "differs"),
)


def group_table(
    answers: AllAnswers, runs: Sequence[str], cards: pd.DataFrame, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Score the recordings group by group: ``GROUP_COLUMNS``.

    difference is the group minus all others, over the same drawn speakers;
    differs says whether its interval leaves 0 out (None with fewer than
    ``MIN_SPEAKERS`` in the group or in the rest). ``cards`` has the index
    recording_id and the columns ``GROUPINGS``, "" where unknown.
    """
    rows = []
    for run in runs:
        told = answers.get((run, "recording"))
        for grouping in GROUPINGS if told else ():
            groups = cards[grouping].reindex(told.ids).fillna("").to_numpy(dtype=str)
            for group in np.unique(groups):
                key = (run, grouping, group or "unknown")
                rows += [(*key, *row) for row in _group_rows(told, groups == group, bootstrap)]
    return pd.DataFrame(rows, columns=list(GROUP_COLUMNS))


def _group_rows(
    told: Answers, inside: np.ndarray, bootstrap: Bootstrap
) -> list[tuple[object, ...]]:
    """The columns from metric on, for each measure of ``SHOWN``."""
    # Groups of one or the other part are two more rows and columns of one matrix, so that both
    # see the same drawn speakers.
    truth, predicted, speakers, k = told.asked
    asked = Asked(truth + k * inside, predicted + k * inside, speakers, 2 * k)
    # Both measures are linear in the counts: the mean over seeds is that of their sum.
    both = speaker_matrices(asked).sum(axis=1)
    matrices = both.sum(axis=0), resample(both, bootstrap)
    n_inside, n_outside = (np.unique(speakers[chosen]).size for chosen in (inside, ~inside))
    fewer = min(n_inside, n_outside)
    rows = []
    for name in SHOWN:
        group = [METRICS[name](one[..., k:, k:]) for one in matrices]
        rest = [METRICS[name](one[..., :k, :k]) for one in matrices]
        apart = [ours - theirs for ours, theirs in zip(group, rest, strict=True)]
        value = interval_of(*group, bootstrap, n_speakers=n_inside)
        apart = interval_of(*apart, bootstrap, n_speakers=fewer)
        differs = bool(apart.low > 0 or apart.high < 0) if fewer >= MIN_SPEAKERS else None
        rows.append((name, int(inside.sum()), n_inside, *value, *apart, differs))
    return rows
