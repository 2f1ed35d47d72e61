"""Baselines learn from the other folds alone and answer for every unit."""

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.reading import UNIT_COLUMNS, unit_table
from spoken_cefr.evaluation.shortcuts.baselines import (
    BASELINES,
    FIELDS,
    all_baselines,
    card_features,
    from_metadata,
    from_shares,
)

P = [f"p_{level}" for level in TARGET_LEVELS]


def corpus():
    """Train: three short A1 and one long B1, which has more segments than they; test: one each."""
    levels = ["A1", "A1", "A1", "B1", "A1", "B1"]
    split = pd.DataFrame(
        {
            "recording_id": [f"r{n}" for n in range(6)],
            "speaker_id": [f"s{n}" for n in range(6)],
            "level": levels,
            "fold": [0] * 4 + [1] * 2,
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
        {
            "recording_id": split["recording_id"],
            "duration_s": ["10", "11", "12", "80", "9", "90"],
            "title": ["le chat", "le chien", "le chat A1", "un roman", "le chien", "un roman"],
            "description": "",
            "themes": "[]",
            "date": "2010-01-01",
            "age_group": ["enfant", "enfant", "", "adulte", "enfant", "adulte"],
            "gender": [np.nan] * 6,
        }
    )
    return unit_table(split, segments)[list(UNIT_COLUMNS)], metadata


def duration_only(units, metadata):
    return from_metadata(units, metadata, fields=FIELDS["duration_only"])


def test_majority_is_counted_in_the_unit_that_is_scored():
    units, _ = corpus()
    answers = from_shares(units).groupby("unit")["predicted"].unique()
    assert list(answers["recording"]) == ["A1"]
    assert list(answers["segment"]) == ["B1"]


def test_majority_gives_the_shares_of_train_as_probabilities():
    units, _ = corpus()
    table = from_shares(units)
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


def test_levels_of_a_fold_do_not_reach_its_own_answers():
    units, metadata = corpus()
    hidden = units.assign(level=units["level"].where(units["fold"] == 0, "C1"))
    ours = all_baselines(units, metadata, seed=1)
    theirs = all_baselines(hidden, metadata, seed=1)
    for name in BASELINES:
        of_one = [
            table[table["fold"] == 1].drop(columns="level") for table in (ours[name], theirs[name])
        ]
        pd.testing.assert_frame_equal(*of_one)
        # What the other fold is told has changed: it learned from this one.
        if name != "stratified_random":
            assert (theirs[name].loc[theirs[name]["fold"] == 0, "predicted"] == "C1").all()


def test_every_unit_is_answered_once_in_the_schema_of_the_networks():
    units, metadata = corpus()
    columns = ["unit", "id", "recording_id", "speaker_id", "fold", "part", "level", "predicted"]
    tables = all_baselines(units, metadata, seed=1)
    assert list(tables) == list(BASELINES)
    for table in tables.values():
        assert list(table.columns) == [*columns, *P, "seed"]
        assert sorted(table["id"]) == sorted(units["id"])
        assert set(table["part"]) == {"test"} and set(table["seed"]) == {0}
        np.testing.assert_allclose(table[P].sum(axis=1), 1)


def test_random_answers_are_drawn_anew_for_each_seed():
    units, metadata = corpus()
    table = all_baselines(units, metadata, seed=1, n_seeds=3)["stratified_random"]
    assert table.groupby("seed").size().tolist() == [len(units)] * 3
    drawn = table.sort_values(["seed", "id"])["predicted"].to_numpy().reshape(3, -1)
    assert (drawn[0] != drawn[1]).any()


def test_random_answers_have_the_shares_of_train():
    units, _ = corpus()
    many = pd.concat([units.assign(part="test")] * 300 + [units])
    table = from_shares(many, seed=3)
    shares = table[table["unit"] == "recording"]["predicted"].value_counts(normalize=True)
    assert shares["A1"] == pytest.approx(0.75, abs=0.03)
    assert set(shares.index) == {"A1", "B1"}
    pd.testing.assert_frame_equal(table, from_shares(many, seed=3))


def test_words_that_only_one_title_has_teach_nothing_and_names_of_levels_are_taken_out():
    units, metadata = corpus()
    by_text = from_metadata(units, metadata, fields=["text"])
    shares = from_shares(units)
    alone = metadata.assign(title=[f"titre{n}" for n in "abcdef"])
    pd.testing.assert_frame_equal(
        from_metadata(units, alone, fields=["text"])[P].iloc[:6], shares[P].iloc[:6]
    )
    assert (by_text["predicted"] == "A1")[units["id"].isin(["r0", "r2"])].all()
    texts = card_features(metadata, metadata["duration_s"])["text"]
    assert not texts.str.contains("A1").any()


def test_an_age_that_train_does_not_hold_and_an_unknown_year_are_no_error():
    units, metadata = corpus()
    metadata.loc[4, "age_group"] = "seniors"
    metadata.loc[5, "date"] = ""
    table = from_metadata(units, metadata, fields=FIELDS["all_metadata"])
    np.testing.assert_allclose(table[P].sum(axis=1), 1)


def test_a_train_part_of_one_level_is_answered_with_that_level():
    units, metadata = corpus()
    units = units[(units["level"] == "A1") | (units["part"] == "test")]
    assert set(duration_only(units, metadata)["predicted"]) == {"A1"}


@pytest.mark.parametrize("duration_s", ["", "0", "unknown"])
def test_a_recording_without_duration_is_named(duration_s):
    units, metadata = corpus()
    metadata.loc[2, "duration_s"] = duration_s
    with pytest.raises(InputError, match="'r2'"):
        duration_only(units, metadata)
