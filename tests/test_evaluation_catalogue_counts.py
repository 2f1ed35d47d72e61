"""The counts of the real catalogue in git, and the three figures drawn from them."""

import csv
import re

import count_catalogue
import numpy as np
import pytest
from draw_catalogue import draw, draw_catalogue_age, draw_catalogue_balancing, read_split_counts
from drawn import bars_by_label

from spoken_cefr.corpus.cards import AGE_GROUPS, DURATION_CLASSES
from spoken_cefr.corpus.levels import LEVELS, TARGET_LEVELS
from spoken_cefr.evaluation.catalogue import (
    COUNT_COLUMNS,
    COUNTS,
    baselines_table,
    ranked_baselines,
    read_counts,
)
from spoken_cefr.evaluation.findings import tell_baselines
from spoken_cefr.evaluation.study import read_study
from spoken_cefr.figures.corpus import draw_catalogue_classes
from spoken_cefr.paths import ROOT

STUDY = read_study()
TABLE_1 = (STUDY["table_1"]["recordings"], STUDY["table_1"]["segments"])


def shown(ax):
    """For each series its bar heights by tick label."""
    return [bars_by_label(ax, bars) for bars in ax.containers]


def test_the_counts_add_up_to_the_catalogue_that_the_study_scraped():
    of_level = read_counts().groupby("level")["recordings"].sum()
    assert of_level.to_dict() == STUDY["catalogue"]["rows"]


def test_the_baselines_are_shown_with_their_intervals():
    table = baselines_table()
    assert {"majority", "duration_only", "all_metadata"} <= set(table.index)
    assert table["kappa"].str.fullmatch(r"-?\d\.\d\d \[-?\d\.\d\d, -?\d\.\d\d\]").all()
    assert table.loc["majority", "kappa"] == "0.00 [0.00, 0.00]"
    kappas = table["kappa"].str.partition(" ")[0].astype(float)
    assert kappas.is_monotonic_decreasing
    assert f"{table.index[0]} reaches a kappa of {kappas.iloc[0]:.2f}" in tell_baselines(
        ranked_baselines()
    )


def test_the_counts_hold_nothing_but_the_sites_own_filters():
    with COUNTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [*COUNT_COLUMNS, "recordings"]
    assert {row["level"] for row in rows} <= set(LEVELS)
    assert {row["age_group"] for row in rows} <= {*AGE_GROUPS, ""}
    assert {row["gender"] for row in rows} <= {"féminin", "masculin", ""}
    assert {row["duration_class"] for row in rows} <= {*DURATION_CLASSES, ""}


def test_the_split_shares_out_every_recording_and_no_speaker_twice():
    counts = read_split_counts().set_index(["part", "level"])
    parts = ("train", "validation", "test")
    for level in (*TARGET_LEVELS, "all"):
        of_parts = sum(counts.loc[(part, level), "recordings"] for part in parts)
        assert of_parts == counts.loc[("all", level), "recordings"]
    # Only disjoint sets of speakers add up to the number of all.
    everybody = sum(counts.loc[(part, "all"), "speakers"] for part in parts)
    assert everybody == counts.loc[("all", "all"), "speakers"]


@pytest.mark.slow
def test_the_tool_gives_the_tables_in_git(shared, tmp_path):
    table = count_catalogue.read_catalogue(shared / "data" / "audio_lingua_fr_2025-01.csv")
    ours = count_catalogue.count_recordings(table).reset_index(drop=True)
    assert ours.equals(read_counts())
    assert count_catalogue.count_split(table).equals(read_split_counts())


def test_every_bar_of_classes_stands_over_its_own_level():
    left, right = draw_catalogue_classes(read_counts(), *TABLE_1).axes
    of_level = read_counts().groupby("level")["recordings"].sum().drop("C2")
    assert shown(left) == [of_level.to_dict(), TABLE_1[0]]
    assert shown(right) == [TABLE_1[1]]


def test_every_bar_of_data_balancing_stands_over_its_own_level():
    left, right = draw_catalogue_balancing(read_split_counts(), *TABLE_1).axes
    counts = read_split_counts()
    for part, heights in zip(("train", "validation", "test"), shown(left), strict=True):
        rows = counts[counts["part"] == part].set_index("level")["recordings"]
        expected = {level: rows[level] / rows["all"] for level in TARGET_LEVELS}
        assert heights == pytest.approx(expected)
    # Where the study's figure put 41.83 % over B2, B1 has the most segments.
    segments = shown(right)[1]
    assert max(segments, key=segments.get) == "B1"
    assert segments["B1"] == pytest.approx(34076 / 69537)


def test_ages_are_named_in_english_and_add_up():
    (ax,) = draw_catalogue_age(read_counts()).axes
    labels = [bars.get_label() for bars in ax.containers]
    assert labels == ["child", "adolescent", "adult", "senior", "unknown"]
    assert np.sum([list(series.values()) for series in shown(ax)], axis=0) == pytest.approx(1)


def strokes(path):
    """All coordinates of an SVG's lines, bars and letters, in the order of drawing."""
    drawn = " ".join(re.findall(r'(?:\bd|\bx|\by|transform)="([^"]+)"', path.read_text("utf-8")))
    return np.array(re.findall(r"-?\d+\.?\d*", drawn), dtype=float)


@pytest.mark.slow
def test_the_figures_are_the_same_bytes_twice_and_those_in_git_show_the_tables(tmp_path):
    for first, second in zip(draw(tmp_path / "one"), draw(tmp_path / "two"), strict=True):
        assert first.read_bytes() == second.read_bytes()
        # By place, not by byte: another platform may lay a letter out a little otherwise.
        drawn, kept = strokes(first), strokes(ROOT / "doc" / first.name)
        assert drawn.size > 1000
        assert drawn.shape == kept.shape, f"{first.name}: run tools/draw_catalogue.py"
        assert np.abs(drawn - kept).max() < 0.5, f"{first.name}: run tools/draw_catalogue.py"
