"""Figures show the numbers of their tables, and are the same bytes every time."""

import os
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.stage import draw_all
from spoken_cefr.figures.corpus import draw_age, draw_classes, draw_data_balancing
from spoken_cefr.figures.results import draw_confusion, draw_learning_curves
from spoken_cefr.figures.style import png_bytes, save_figure, with_notice

LEVELS = list(TARGET_LEVELS)
SPLIT = pd.DataFrame(
    {
        "recording_id": list("abcdefgh"),
        # Test holds its levels in another order and with other shares than train.
        "level": ["A1", "A2", "B1", "B1", "B2", "B2", "A1", "A2"],
        "part": ["train", "train", "train", "validation", "validation", "test", "test", "train"],
    }
)
N_SEGMENTS = {"a": 1, "b": 2, "c": 4, "d": 3, "e": 1, "f": 6, "g": 2, "h": 1}
SEGMENTS = SPLIT.loc[SPLIT.index.repeat(list(N_SEGMENTS.values())), ["recording_id", "level"]]
METADATA = pd.DataFrame(
    [
        ("A1", "enfant"),
        ("A1", "enfant"),
        ("A1", "adulte"),
        ("A1", ""),
        ("B1", "seniors"),
        ("B1", "adolescent"),
        ("C2", "adulte"),
    ],
    columns=["level", "age_group"],
)
HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "train_loss": [1.6, 1.2, 1.0],
        "train_accuracy": [0.3, 0.5, 0.6],
        "validation_loss": [1.6, 1.4, 1.5],
        "validation_accuracy": [0.3, 0.4, 0.4],
        "validation_macro_f1": [0.1, 0.2, 0.3],
    }
)
FIGURES = {
    "classes": lambda: draw_classes(SEGMENTS),
    "age": lambda: draw_age(METADATA),
    "data_balancing": lambda: draw_data_balancing(SPLIT, SEGMENTS),
    "confusion": lambda: draw_confusion(np.arange(25).reshape(5, 5), "a run"),
    "learning_curves": lambda: draw_learning_curves({"one": HISTORY, "two": HISTORY}),
}


def bars_by_label(ax, bars):
    """Height of each bar under the tick label that is nearest to its middle."""
    ticks, labels = ax.get_xticks(), [text.get_text() for text in ax.get_xticklabels()]
    heights = {}
    for bar in bars:
        middle = bar.get_x() + bar.get_width() / 2
        nearest = int(np.argmin(np.abs(ticks - middle)))
        assert labels[nearest] not in heights, "two bars of one series over one label"
        heights[labels[nearest]] = bar.get_height()
    return heights


def containers_by_name(ax):
    return {bars.get_label().split()[0]: bars for bars in ax.containers}


def test_classes_shows_recordings_and_segments_over_their_level():
    recordings, segments = draw_classes(SEGMENTS).axes
    assert bars_by_label(recordings, recordings.patches) == dict(
        zip(LEVELS, [2, 2, 2, 2, 0], strict=True)
    )
    assert bars_by_label(segments, segments.patches) == dict(
        zip(LEVELS, [3, 3, 7, 7, 0], strict=True)
    )


def test_data_balancing_draws_every_bar_over_its_own_label():
    (ax,) = draw_data_balancing(SPLIT, SEGMENTS).axes
    series = containers_by_name(ax)
    expected = {
        "train": {"A1": 1 / 8, "A2": 3 / 8, "B1": 4 / 8, "B2": 0, "C1": 0},
        "validation": {"A1": 0, "A2": 0, "B1": 3 / 4, "B2": 1 / 4, "C1": 0},
        "test": {"A1": 2 / 8, "A2": 0, "B1": 0, "B2": 6 / 8, "C1": 0},
    }
    assert set(series) == set(expected)
    for part, shares in expected.items():
        assert bars_by_label(ax, series[part]) == pytest.approx(shares)


def test_age_shows_shares_in_english_with_the_missing_ones_as_unknown():
    (ax,) = draw_age(METADATA).axes
    series = containers_by_name(ax)
    assert list(series) == ["child", "adolescent", "adult", "senior", "unknown"]
    of_a1 = {age: bars_by_label(ax, bars)["A1"] for age, bars in series.items()}
    assert of_a1 == {"child": 0.5, "adolescent": 0, "adult": 0.25, "senior": 0, "unknown": 0.25}
    assert bars_by_label(ax, series["senior"])["B1"] == 0.5
    told = [text.get_text() for text in ax.texts]
    assert [text for text in told if text.startswith("n = ")] == [
        f"n = {n}" for n in (4, 0, 2, 0, 0)
    ]


def test_confusion_prints_counts_and_shares_of_the_row():
    matrix = np.zeros((5, 5), dtype=int)
    matrix[0], matrix[1, 1] = [3, 1, 0, 0, 0], 1200
    ax = draw_confusion(matrix, "a run").axes[0]
    told = [text.get_text() for text in ax.texts]
    assert told[:3] == ["3\n75 %", "1\n25 %", "0\n0 %"]
    assert told[6] == "1,200\n100 %"
    assert told[-1] == "0"  # no C1 in the truth: no share of it
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted level", "true level")


def test_learning_curves_show_each_run_in_train_and_validation():
    loss, accuracy, macro_f1 = draw_learning_curves({"one": HISTORY, "two": HISTORY}).axes
    assert [len(ax.lines) for ax in (loss, accuracy, macro_f1)] == [4, 4, 2]
    np.testing.assert_array_equal(loss.lines[1].get_ydata(), HISTORY["validation_loss"])


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_labels_and_its_notice_and_is_the_same_bytes_twice(name, tmp_path):
    for file in ("first", "second"):
        figure = FIGURES[name]()
        save_figure(figure, tmp_path / f"{file}.png", notice="Test tables.")
    first, second = ((tmp_path / f"{file}.png").read_bytes() for file in ("first", "second"))
    assert first == second != png_bytes(FIGURES[name]())
    assert first.startswith(b"\x89PNG")
    assert b"Software" not in first
    assert figure.get_supxlabel() == "Test tables."
    for ax in figure.axes:
        assert ax.get_ylabel()
        assert ax.get_xlabel() or ax.get_label() == "<colorbar>"


def test_without_notice_nothing_is_added():
    figure = draw_classes(SEGMENTS)
    assert png_bytes(with_notice(figure, "")) == png_bytes(draw_classes(SEGMENTS))


def test_a_notebook_shows_a_figure_without_pyplot():
    shown, _ = DisplayFormatter().format(draw_classes(SEGMENTS))
    assert shown["image/png"].startswith(b"\x89PNG")


def test_nothing_is_left_in_pyplot():
    draw_age(METADATA)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


# --- on several cores


def die_beside(mine):
    """End the process at once, unless it is the one with this number."""
    if os.getpid() != mine:
        os._exit(1)
    return draw_classes(SEGMENTS)


@pytest.mark.slow
def test_a_figure_is_the_same_whoever_draws_it_also_where_a_process_is_killed(tmp_path):
    sketches = {"classes": partial(draw_classes, SEGMENTS), "age": partial(draw_age, METADATA)}
    for n_jobs, more in ((1, {}), (2, {}), (2, {"deadly": partial(die_beside, os.getpid())})):
        folder = tmp_path / f"{n_jobs}{len(more)}"
        paths = {folder / f"{name}.png": sketch for name, sketch in (sketches | more).items()}
        draw_all(paths, notice="Test tables.", n_jobs=n_jobs)
    alone, beside, killed = (
        {path.stem: path.read_bytes() for path in folder.iterdir()}
        for folder in sorted(tmp_path.iterdir())
    )
    assert alone == beside == {name: killed[name] for name in sketches}
    assert killed["deadly"] == killed["classes"]
