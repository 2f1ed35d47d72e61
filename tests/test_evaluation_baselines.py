"""Baselines learn from the train part alone and answer for every unit."""

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.baselines import duration_only, majority
from spoken_cefr.evaluation.tables import unit_table
from spoken_cefr.levels import TARGET_LEVELS

P = [f"p_{level}" for level in TARGET_LEVELS]


def corpus():
    """Train: three short A1 and one long B1, which has more segments than they; test: one each."""
    levels = ["A1", "A1", "A1", "B1", "A1", "B1"]
    split = pd.DataFrame(
        {
            "recording_id": [f"r{n}" for n in range(6)],
            "speaker_id": [f"s{n}" for n in range(6)],
            "level": levels,
            "part": ["train"] * 4 + ["test"] * 2,
        }
    )
    n_segments = [2, 2, 2, 9, 2, 9]
    segments = pd.DataFrame(
        [
            {"segment_id": f"{row.recording_id}_{n}", "recording_id": row.recording_id}
            for row, count in zip(split.itertuples(), n_segments, strict=True)
            for n in range(count)
        ]
    )
    metadata = pd.DataFrame(
        {"recording_id": split["recording_id"], "duration_s": ["10", "11", "12", "80", "9", "90"]}
    )
    return unit_table(split, segments), metadata


def test_majority_is_counted_in_the_unit_that_is_scored():
    units, _ = corpus()
    answers = majority(units).groupby("unit")["predicted"].unique()
    assert list(answers["recording"]) == ["A1"]
    assert list(answers["segment"]) == ["B1"]


def test_majority_gives_the_shares_of_train_as_probabilities():
    units, _ = corpus()
    table = majority(units)
    recordings = table[table["unit"] == "recording"]
    np.testing.assert_allclose(recordings[P].drop_duplicates(), [[0.75, 0, 0.25, 0, 0]])


def test_duration_alone_tells_short_from_long():
    units, metadata = corpus()
    table = duration_only(units, metadata)
    assert (table["predicted"] == table["level"]).all()


def test_a_segment_gets_the_answer_of_its_recording():
    units, metadata = corpus()
    table = duration_only(units, metadata)
    assert (table.groupby("recording_id")[["predicted", *P]].nunique() == 1).all(axis=None)


def test_test_levels_do_not_reach_the_baselines():
    units, metadata = corpus()
    hidden = units.assign(level=units["level"].where(units["part"] == "train", "C1"))
    for ours, theirs in [
        (majority(units), majority(hidden)),
        (duration_only(units, metadata), duration_only(hidden, metadata)),
    ]:
        pd.testing.assert_frame_equal(ours.drop(columns="level"), theirs.drop(columns="level"))


def test_every_unit_is_answered_in_the_schema_of_the_networks():
    units, metadata = corpus()
    columns = ["unit", "id", "recording_id", "speaker_id", "part", "level", "predicted", *P]
    for table in (majority(units), duration_only(units, metadata)):
        assert list(table.columns) == columns
        assert len(table) == len(units)
        np.testing.assert_allclose(table[P].sum(axis=1), 1)


def test_a_train_part_of_one_level_is_answered_with_that_level():
    units, metadata = corpus()
    units = units[(units["level"] == "A1") | (units["part"] == "test")]
    assert set(duration_only(units, metadata)["predicted"]) == {"A1"}


@pytest.mark.parametrize("duration_s", ["", "0", "unknown"])
def test_a_recording_without_duration_is_named(duration_s):
    units, metadata = corpus()
    metadata.loc[2, "duration_s"] = duration_s
    with pytest.raises(InputError, match="no duration_s over 0 for recording 'r2'"):
        duration_only(units, metadata)
