"""The predictions table: one schema for every run, for segments and for recordings."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spoken_cefr.levels import TARGET_LEVELS


def probability_columns(classes: Sequence[str] = TARGET_LEVELS) -> list[str]:
    """Names of the probability columns, p_A1 ... p_C1."""
    return [f"p_{level}" for level in classes]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (n, k) in float64, each row adding up to 1."""
    shifted = logits.astype(np.float64)
    shifted = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def predictions_table(segments: pd.DataFrame, parts: pd.Series, logits: np.ndarray) -> pd.DataFrame:
    """Put segment logits and what follows from them for recordings into one table.

    A recording's probabilities are the normalised exponential of the mean of
    its segments' log-probabilities: every segment weighs the same, and a long
    recording is no surer for being long.

    Parameters
    ----------
    segments : pd.DataFrame
        segment_id, recording_id, speaker_id, level.
    parts : pd.Series
        Part (train, validation, test) of each recording_id.
    logits : np.ndarray, shape (n_segments, n_classes)

    Returns
    -------
    pd.DataFrame
        unit, id, recording_id, speaker_id, part, level, predicted, p_A1 ... p_C1;
        recordings first, then segments, each sorted by id.
    """
    columns = probability_columns()
    keys = segments[["segment_id", "recording_id", "speaker_id", "level"]]
    log_probabilities = np.log(np.maximum(softmax(logits), np.finfo(np.float64).tiny))
    by_segment = keys.rename(columns={"segment_id": "id"}).assign(unit="segment")
    by_segment = by_segment.reset_index(drop=True)
    scores = pd.DataFrame(log_probabilities, columns=columns)
    by_segment = pd.concat([by_segment, scores], axis=1)
    by_recording = by_segment.groupby("recording_id", as_index=False).agg(
        {"speaker_id": "first", "level": "first"} | dict.fromkeys(columns, "mean")
    )
    by_recording = by_recording.assign(unit="recording", id=by_recording["recording_id"])
    table = pd.concat([by_recording, by_segment], ignore_index=True)
    table[columns] = softmax(table[columns].to_numpy())
    table["predicted"] = np.array(TARGET_LEVELS)[table[columns].to_numpy().argmax(axis=1)]
    table["part"] = table["recording_id"].map(parts)
    order = ["unit", "id", "recording_id", "speaker_id", "part", "level", "predicted", *columns]
    return table.sort_values(["unit", "id"], ignore_index=True)[order]
