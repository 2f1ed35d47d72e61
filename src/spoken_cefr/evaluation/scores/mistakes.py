"""The mistakes to look at first: wrong answers, the surest ones."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.evaluation.scores.answers import AllAnswers
from spoken_cefr.paths import NOTEBOOKS

N_PER_RUN = 5


def mistakes_table(
    answers: AllAnswers,
    runs: Sequence[str],
    texts: pd.Series,
    measures: pd.DataFrame | None,
    *,
    levels: Sequence[str],
) -> pd.DataFrame:
    """The most confident wrong answers of each run on recordings, by the mean of its seeds.

    Columns run, recording_id, level, predicted, confidence (probability of the
    answer), p_level (of the true level), transcript (from ``texts``, by
    recording_id; "" without one), then the measures (index recording_id).
    """
    names = np.asarray(levels, dtype=object)
    tables = []
    for run in runs:
        told = answers.get((run, "recording"))
        if told is None:
            continue
        p = told.probabilities.mean(axis=0)
        given = p.argmax(axis=1)
        wrong = np.flatnonzero(given != told.truth)
        table = pd.DataFrame(
            {
                "run": run,
                "recording_id": told.ids[wrong],
                "level": names[told.truth[wrong]],
                "predicted": names[given[wrong]],
                "confidence": p[wrong, given[wrong]],
                "p_level": p[wrong, told.truth[wrong]],
                "transcript": [texts.get(name, "") for name in told.ids[wrong]],
            }
        )
        table = table.sort_values(["confidence", "recording_id"], ascending=[False, True])
        tables.append(table.head(N_PER_RUN))
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["run"])
    return found if measures is None or found.empty else found.join(measures, on="recording_id")


def player_url(audio: Path) -> str:
    """Where a player in a notebook finds a recording: relative, for notebooks go into git."""
    return Path(os.path.relpath(audio, NOTEBOOKS)).as_posix()
