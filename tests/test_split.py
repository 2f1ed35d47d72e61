"""No voice is in two parts or in two folds, on the demo's and on the real catalogue."""

import csv

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.corpus.speakers import speaker_ids, split_authors
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.split import (
    N_CANDIDATES,
    check_split,
    class_remarks,
    parts_of_fold,
    recordings_to_split,
    relabel,
    speaker_split,
)
from spoken_cefr.paths import ROOT

GROUPINGS = ("author", "first_name")


def catalogue(path):
    """Segments (one a recording) and metadata of a catalogue file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Level"] in TARGET_LEVELS]
    table = pd.DataFrame(
        {
            "recording_id": [f"{9000 + index}" for index in range(len(rows))],
            "speaker_id": speaker_ids([row["Author"] for row in rows]),
            "author": [row["Author"] for row in rows],
            "level": [row["Level"] for row in rows],
        }
    )
    return table[["recording_id", "speaker_id", "level"]], table[["recording_id", "author"]]


@pytest.fixture(params=["demo", pytest.param("real", marks=pytest.mark.slow)])
def corpus(request):
    if request.param == "demo":
        return catalogue(ROOT / "data" / "replica" / "catalogue.csv")
    shared = request.getfixturevalue("shared")
    return catalogue(shared / "data" / "audio_lingua_fr_2025-01.csv")


SPLITS = {}  # drawing one takes seconds


def split_of(corpus, grouping):
    segments, metadata = corpus
    key = (len(segments), grouping)
    if key not in SPLITS:
        recordings = recordings_to_split(segments, metadata, speaker_groups=grouping)
        SPLITS[key] = speaker_split(recordings)
    return SPLITS[key]


def n_parts_of_each_voice(metadata, split):
    """By the author strings themselves, whatever the identifiers say."""
    rows = metadata.merge(split, on="recording_id", validate="one_to_one")
    authors = rows.assign(name=rows["author"].map(split_authors)).explode("name")
    return authors.groupby("name")["part"].nunique()


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_in_every_fold_no_voice_is_trained_and_tested_on_and_each_recording_is_asked_once(
    corpus, grouping
):
    segments, metadata = corpus
    split = split_of(corpus, grouping)
    folds = [parts_of_fold(split, fold) for fold in range(5)]
    for parts in folds:
        assert set(parts["part"]) == {"train", "validation", "test"}
        assert n_parts_of_each_voice(metadata, parts).max() == 1
    for part in ("validation", "test"):
        asked = pd.concat([parts.loc[parts["part"] == part, "recording_id"] for parts in folds])
        assert sorted(asked) == sorted(segments["recording_id"])


@pytest.mark.slow
def test_every_class_is_trained_on_and_tested_on_in_the_real_catalogue(shared):
    real = catalogue(shared / "data" / "audio_lingua_fr_2025-01.csv")
    for grouping in GROUPINGS:
        split = split_of(real, grouping)
        assert class_remarks(split, TARGET_LEVELS) == []
        # One fold in five is the test part.
        assert (split["part"] == "test").mean() == pytest.approx(0.2, abs=0.05)


def test_the_split_does_not_depend_on_the_order_of_the_rows():
    shuffled = small().sample(frac=1, random_state=0)
    split = speaker_split(small(), n_folds=4, seed=1)
    pd.testing.assert_frame_equal(split, speaker_split(shuffled, n_folds=4, seed=1))


def test_too_few_speakers_is_one_clear_error():
    with pytest.raises(InputError, match=r"9 speakers.* 10"):
        speaker_split(small(), n_folds=10)


@pytest.mark.parametrize(
    ("speakers", "parts", "named"),
    [
        ("abb", ["train", "validation", "test"], "speaker b"),
        ("ab", ["train", "test"], "validation"),
    ],
)
def test_a_speaker_in_two_parts_and_an_empty_part_are_named(speakers, parts, named):
    with pytest.raises(InputError, match=named):
        check_split(pd.DataFrame({"speaker_id": list(speakers), "part": parts}))


# --- folds


def small():
    rows = [(f"{i}", f"s{i % 9}", TARGET_LEVELS[i % 3]) for i in range(45)]
    return pd.DataFrame(rows, columns=["recording_id", "speaker_id", "level"])


def test_the_folds_are_one_of_scikit_learns_own_splits():
    table = small().sort_values("recording_id", ignore_index=True)
    split = speaker_split(table, n_folds=3, seed=7)
    drawn = []
    for seed in range(7, 7 + N_CANDIDATES):
        folds = np.empty(len(table), dtype=int)
        splitter = StratifiedGroupKFold(3, shuffle=True, random_state=seed)
        pairs = splitter.split(table, table["level"], groups=table["speaker_id"])
        for fold, (_, rows) in enumerate(pairs):
            folds[rows] = fold
        drawn.append(folds.tolist())
    assert split["fold"].tolist() in drawn


@pytest.mark.parametrize("seed", range(3))
def test_the_study_s_split_is_one_of_the_folds(seed):
    split = speaker_split(small(), n_folds=4, seed=seed)
    tested = int(split.loc[split["part"] == "test", "fold"].iloc[0])
    pd.testing.assert_frame_equal(parts_of_fold(split.drop(columns="part"), tested), split)


def test_a_level_of_two_folds_is_not_left_to_validation_alone():
    folds = [0, 0, 1, 1, 2, 2]
    levels = ["A1", "A2", "A1", "C1", "A1", "A2"]
    table = pd.DataFrame({"speaker_id": list("abcdef"), "level": levels, "fold": folds})
    parts = [parts_of_fold(table, fold) for fold in range(3)]
    validated = [split.loc[split["part"] == "validation", "fold"].iloc[0] for split in parts]
    # C1 is in one fold only; A2 is trained on in two of the three folds, whatever is chosen.
    assert sorted(validated) == [0, 1, 2]
    trained = [set(split.loc[split["part"] == "train", "level"]) for split in parts]
    assert sum("A2" in levels for levels in trained) == 2


def test_a_level_of_one_fold_is_told_with_what_it_means():
    table = small().assign(fold=[i % 4 for i in range(45)])
    table["level"] = [TARGET_LEVELS[i // 4 % 3] for i in range(45)]
    table.loc[table["fold"] == 1, "level"] = "C1"
    assert class_remarks(table, ["A1", "A2", "B1", "C1", "C2"]) == [
        {"id": "C2", "reason": "no recording of this level: no score says anything of it"},
        {
            "id": "C1",
            "reason": "no recording of this level is trained on where fold 1 is tested: its 11 "
            "recordings there cannot be found",
        },
    ]


# --- classes and labels


def test_merged_classes_join_b2_and_c1_and_the_segments_follow():
    segments = pd.DataFrame(
        {
            "segment_id": ["a0", "a1", "b0", "c0"],
            "recording_id": ["a", "a", "b", "c"],
            "speaker_id": ["s", "s", "t", "u"],
            "level": ["C1", "C1", "B2", "A1"],
        }
    )
    metadata = pd.DataFrame({"recording_id": ["a", "b", "c"], "author": ["Ann X", "ann Y", "Bo"]})
    split = recordings_to_split(
        segments, metadata, speaker_groups="first_name", rare_levels="merge"
    )
    told = relabel(segments, split)
    assert list(told["level"]) == ["B2+", "B2+", "B2+", "A1"]
    assert told["speaker_id"].nunique() == 2
    assert list(told["segment_id"]) == list(segments["segment_id"])


def test_a_recording_outside_the_tables_is_named():
    segments = pd.DataFrame({"recording_id": ["a"], "speaker_id": ["s"], "level": ["A1"]})
    empty = pd.DataFrame({"recording_id": [], "author": []}, dtype=str)
    with pytest.raises(InputError, match=r"recording a .*metadata\.csv"):
        recordings_to_split(segments, empty, speaker_groups="first_name")
    with pytest.raises(InputError, match=r"recording a .*split\.csv"):
        relabel(segments, small())


def test_a_level_of_two_speakers_is_trained_on():
    table = small()
    table.loc[table["speaker_id"].isin(["s0", "s1"]), "level"] = "C1"
    for seed in range(2):
        split = speaker_split(table, n_folds=3, seed=seed)
        assert "C1" in set(split.loc[split["part"] == "train", "level"])
