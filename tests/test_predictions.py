"""One schema of predictions for every run."""

import numpy as np
import pandas as pd

from spoken_cefr.neural_networks.predictions import (
    COLUMNS,
    pool_segments,
    predictions_table,
    probability_columns,
)

SEGMENTS = pd.DataFrame({"segment_id": ["b_0", "a_0", "a_1"], "recording_id": ["b", "a", "a"]})
SPLIT = pd.DataFrame(
    {
        "recording_id": ["b", "a"],
        "speaker_id": ["t", "s"],
        "part": ["test", "train"],
        "level": ["B1", "A1"],
    }
)
P = np.array([[0.1, 0.1, 0.6, 0.1, 0.1], [0.8, 0.1, 0.05, 0.03, 0.02], [0.2, 0.5, 0.1, 0.1, 0.1]])


def test_a_recording_is_the_geometric_mean_of_its_segments():
    pooled = pool_segments(P, np.array([0, 1, 1]), 2)
    mean = np.sqrt(P[1] * P[2])
    np.testing.assert_allclose(pooled, [P[0], mean / mean.sum()])


def test_a_segment_that_is_sure_of_nothing_is_0_does_not_spoil_its_recording():
    sure = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    pooled = pool_segments(sure, np.array([0, 0]), 2)
    np.testing.assert_allclose(pooled[0], [0.5, 0, 0.5], atol=1e-9)
    assert np.isnan(pooled[1]).all()  # no segment, no answer


def test_the_table_has_both_units_in_order_with_the_truth_of_the_split():
    table = predictions_table(
        SEGMENTS, SPLIT, of_segments=P, of_recordings=pool_segments(P, np.array([0, 1, 1]), 2)
    )
    assert list(table.columns) == [*COLUMNS, *probability_columns()]
    assert list(table["id"]) == ["a", "b", "a_0", "a_1", "b_0"]
    assert list(table["unit"]) == ["recording"] * 2 + ["segment"] * 3
    assert list(table["part"]) == ["train", "test", "train", "train", "test"]
    assert list(table["level"]) == ["A1", "B1", "A1", "A1", "B1"]
    assert list(table["predicted"]) == ["A1", "B1", "A1", "A2", "B1"]
    np.testing.assert_allclose(table[probability_columns()].sum(axis=1), 1)


def test_a_recording_that_was_left_out_has_no_row():
    of_recordings = np.array([[np.nan] * 5, P[1]])
    table = predictions_table(SEGMENTS, SPLIT, of_segments=P, of_recordings=of_recordings)
    assert list(table.loc[table["unit"] == "recording", "id"]) == ["a"]
