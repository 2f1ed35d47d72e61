"""The mistakes to look at first: wrong answers, the surest ones."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.evaluation.scores.results import mean_answers, rows_of
from spoken_cefr.paths import NOTEBOOKS

N_PER_RUN = 5


def mistakes_table(
    runs: Mapping[str, pd.DataFrame],
    transcripts: pd.DataFrame,
    measures: pd.DataFrame | None,
    *,
    levels: Sequence[str],
    n_per_run: int = N_PER_RUN,
) -> pd.DataFrame:
    """The most confident wrong answers of each run on recordings, by the mean of its seeds.

    Parameters
    ----------
    runs : mapping of str to pd.DataFrame
        Predictions by name.
    transcripts : pd.DataFrame
        recording_id, text.
    measures : pd.DataFrame or None
        Index recording_id, one column a measure; they are put beside the text.

    Returns
    -------
    pd.DataFrame
        run, recording_id, level, predicted, confidence (probability of the
        answer), p_level (of the true level), transcript ("" without one), then
        the measures.
    """
    texts = transcripts.drop_duplicates("recording_id").set_index("recording_id")["text"]
    tables = []
    for name, predictions in runs.items():
        rows = mean_answers(rows_of(predictions, unit="recording"), levels)
        wrong = rows[rows["predicted"] != rows["level"]]
        table = pd.DataFrame(
            {
                "run": name,
                "recording_id": wrong["recording_id"],
                "level": wrong["level"],
                "predicted": wrong["predicted"],
                "confidence": _probability(wrong, wrong["predicted"], levels),
                "p_level": _probability(wrong, wrong["level"], levels),
                "transcript": [texts.get(name, "") for name in wrong["recording_id"]],
            }
        )
        table = table.sort_values(["confidence", "recording_id"], ascending=[False, True])
        tables.append(table.head(n_per_run))
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["run"])
    if measures is not None and len(found):
        found = found.join(measures, on="recording_id")
    return found


def player_url(audio: Path) -> str:
    """Where a player in a notebook finds a recording: relative, for notebooks go into git."""
    return Path(os.path.relpath(audio, NOTEBOOKS)).as_posix()


def _probability(rows: pd.DataFrame, names: pd.Series, levels: Sequence[str]) -> np.ndarray:
    table = rows[[f"p_{level}" for level in levels]].to_numpy(dtype=np.float64)
    column = {level: index for index, level in enumerate(levels)}
    return table[np.arange(len(rows)), [column[name] for name in names]]
