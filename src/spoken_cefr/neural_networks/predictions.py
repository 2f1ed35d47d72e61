"""The predictions table: one schema for every run, for segments and for recordings."""

from __future__ import annotations  # pandas is only named here: `predict` does without

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spoken_cefr.corpus.levels import TARGET_LEVELS

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: tuple[str, ...] = (
    *("unit", "id", "recording_id", "speaker_id", "part", "level", "predicted"),
)


def probability_columns(classes: Sequence[str] = TARGET_LEVELS) -> list[str]:
    """Names of the probability columns, p_A1 ... p_C1."""
    return [f"p_{level}" for level in classes]


def pool_segments(probabilities: np.ndarray, owners: np.ndarray, n_owners: int) -> np.ndarray:
    """Geometric mean of the segments' probabilities, made to add up to 1.

    Every segment weighs the same, and a long recording is no surer for being long.
    (n_segments, n_classes) and the number of each segment's recording, (n_segments,)
    -> (n_owners, n_classes), float64; NaN for a recording without segments.
    """
    logs = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny, dtype=np.float64))
    sums = np.zeros((n_owners, probabilities.shape[1]))
    np.add.at(sums, owners, logs)
    counts = np.bincount(owners, minlength=n_owners)[:, None]
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    pooled = np.exp(means - means.max(axis=1, keepdims=True))
    return pooled / pooled.sum(axis=1, keepdims=True)


def unit_table(split: pd.DataFrame, segments: pd.DataFrame) -> pd.DataFrame:
    """Every recording of the split and every segment of those: unit, id, the split's columns.

    Level and speaker come from the split, so that the two units cannot disagree.
    """
    import pandas as pd

    recordings = split.assign(unit="recording", id=split["recording_id"])
    rows = segments[["segment_id", "recording_id"]].astype(str)
    rows = rows.rename(columns={"segment_id": "id"}).assign(unit="segment")
    rows = rows.merge(split, on="recording_id", validate="many_to_one")
    return pd.concat([recordings, rows], ignore_index=True)


def predictions_table(
    segments: pd.DataFrame,
    split: pd.DataFrame,
    *,
    of_segments: np.ndarray,
    of_recordings: np.ndarray,
    classes: Sequence[str] = TARGET_LEVELS,
) -> pd.DataFrame:
    """Put the probabilities of segments and of recordings into one table.

    ``of_segments`` (n_segments, n_classes) in the order of the segments, ``of_recordings``
    (n_recordings, n_classes) in that of the split; a unit of which they are NaN is left out.
    Gives unit, id, recording_id, speaker_id, part, level, predicted, p_A1 ... p_C1; recordings
    first, then segments, each sorted by id.
    """
    columns = probability_columns(classes)
    table = unit_table(split[["recording_id", "speaker_id", "part", "level"]], segments)
    probabilities = np.concatenate([of_recordings, of_segments])
    table[columns] = probabilities / probabilities.sum(axis=1, keepdims=True)
    table = table[np.isfinite(probabilities).all(axis=1)]
    table = table.assign(predicted=np.array(classes)[table[columns].to_numpy().argmax(axis=1)])
    return table.sort_values(["unit", "id"], ignore_index=True)[[*COLUMNS, *columns]]
