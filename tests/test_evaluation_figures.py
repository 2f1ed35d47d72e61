"""Figures show the numbers of their tables, and are the same bytes every time."""

import io
import os
from functools import partial

import numpy as np
import pandas as pd
import pytest
from drawn import bars_by_label
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.stage import draw_all
from spoken_cefr.figures.corpus import (
    draw_age,
    draw_classes,
    draw_data_balancing,
    draw_levels_by,
)
from spoken_cefr.figures.results import (
    draw_confusion,
    draw_groups,
    draw_learning_curves,
    draw_per_class,
    draw_scores,
)
from spoken_cefr.figures.style import OKABE_ITO, Drawing, png_bytes, save_figure

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


def test_levels_by_age_and_duration_are_counted_in_the_site_s_order():
    metadata = METADATA.assign(duration_class=["0-30 secondes"] * 6 + ["60-90 secondes"])
    age, duration = draw_levels_by(metadata).axes
    names = [text.get_text() for text in age.get_yticklabels()]
    assert names == ["enfant", "adolescent", "adulte", "seniors", "unknown"]
    np.testing.assert_array_equal(age.images[0].get_array()[:, 0], [2, 0, 1, 0, 1])  # A1
    assert duration.images[0].get_array().sum() == 6  # C2 is none of the levels
    assert all(ax.get_xlabel() and ax.get_title() for ax in (age, duration))


def test_confusion_prints_counts_and_shares_of_the_row():
    matrix = np.zeros((5, 5), dtype=int)
    matrix[0], matrix[1, 1] = [3, 1, 0, 0, 0], 1200
    ax = draw_confusion(matrix, "a run").axes[0]
    told = [text.get_text() for text in ax.texts]
    assert told[:3] == ["3\n75%", "1\n25%", ""]
    assert told[6] == "1,200\n100%"
    assert told[-1] == ""  # no C1 in the truth: no share of it
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted level", "true level")


def test_learning_curves_show_each_run_in_train_and_validation():
    axes = draw_learning_curves({"one": HISTORY, "two": HISTORY}).axes
    assert [ax.get_title() for ax in axes] == ["one", "two", "", "", "", ""]
    loss = {line.get_label(): line.get_ydata() for line in axes[1].lines}
    np.testing.assert_array_equal(loss["train"], HISTORY["train_loss"])
    np.testing.assert_array_equal(loss["validation"], HISTORY["validation_loss"])
    assert [len(ax.lines) for ax in axes[-2:]] == [2, 2]  # macro-F1 of the validation part alone


def test_a_line_marks_the_epoch_whose_model_was_kept():
    history = HISTORY.assign(validation_macro_f1=[0.1, 0.5, 0.3])
    lines = draw_learning_curves({"one": history}).axes[0].lines
    (kept,) = [line for line in lines if line.get_label() == "epoch kept"]
    assert kept.get_xdata() == [2, 2]


def test_scores_are_in_order_and_a_line_is_the_best_shortcut():
    kappas = {"chance": 0.0, "length": 0.4, "weak": 0.3, "strong": 0.8}
    measures = ("accuracy", "macro_f1", "quadratic_weighted_kappa")
    ends = ("", "_low", "_high", "_seed_low", "_seed_high")
    rows = [
        {"run": run, "unit": "recording", "n": 60, "n_speakers": 13}
        | {f"{measure}{end}": kappa for measure in measures for end in ends}
        for run, kappa in kappas.items()
    ]
    axes = draw_scores(pd.DataFrame(rows), shortcuts={"chance", "length"}).axes
    names = [text.get_text() for text in axes[0].get_yticklabels()]
    assert names == ["chance", "length", "weak", "strong"]
    (best,) = [line for line in axes[2].lines if line.get_label() == "best shortcut"]
    assert best.get_xdata() == [0.4, 0.4]


def test_a_group_of_few_speakers_is_hollow_and_has_no_interval():
    groups = pd.DataFrame({"group": ["enfant", "adulte"], "n": [8, 29], "n_speakers": [2, 6]})
    groups = groups.assign(run="net", grouping="age_group", metric="accuracy")
    groups = groups.assign(value=[1.0, 0.8], low=[1.0, 0.6], high=[1.0, 0.9])
    (ax,) = draw_groups(groups, "net", min_speakers=6).axes
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["adult\n(29 of 6 speakers)", "child\n(8 of 2 speakers)"]
    strokes = [path.vertices[:, 0] for path in ax.collections[0].get_paths() if len(path.vertices)]
    np.testing.assert_array_equal([one for one in strokes if np.isfinite(one).all()], [[0.6, 0.9]])
    hollow = ax.lines[-1]
    assert (hollow.get_xdata().tolist(), hollow.get_markerfacecolor()) == ([1.0], "white")


def test_the_strokes_of_a_level_are_intervals_over_speakers_of_recordings():
    row = {"run": "net", "measure": "recall", "level": "A1", "value": 0.5}
    row |= {"wilson_low": 0.4, "wilson_high": 0.6}
    rows = [
        row | {"unit": "recording", "low": 0.2, "high": 0.9},
        row | {"unit": "segment", "low": 0.3, "high": 0.7},
    ]
    recall = draw_per_class(pd.DataFrame(rows), ["net"]).axes[0]
    (stroke,) = recall.collections[0].get_paths()
    assert stroke.vertices[:, 1].tolist() == [0.2, 0.9]


def titled(text):
    figure = Drawing(width_in=2, height_in=1)
    figure.subplots().set_title(text)
    return figure


@pytest.mark.parametrize("text", ["Čeština, l’œuf", "Русский", "العربية", "עברית"])
def test_scripts_are_shown_on_every_machine(text, caplog):
    png_bytes(titled(text))
    assert caplog.messages == []


def test_characters_that_no_font_has_are_told_once(caplog):
    png_bytes(titled("\N{EGYPTIAN HIEROGLYPH A001}\N{EGYPTIAN HIEROGLYPH A002}"))
    (told,) = caplog.messages
    assert "\N{EGYPTIAN HIEROGLYPH A001}\N{EGYPTIAN HIEROGLYPH A002}" in told


def test_a_figure_has_a_palette_in_which_its_colours_are_those_of_the_style():
    image = Image.open(io.BytesIO(png_bytes(draw_classes(SEGMENTS))))
    assert image.mode == "P"
    drawn = {color for _, color in image.convert("RGB").getcolors()}
    for color in OKABE_ITO[:2]:
        asked = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)])
        assert min(np.abs(asked - other).max() for other in drawn) <= 2


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
        place = ax.get_subplotspec()  # none: a bar of colours
        assert ax.get_ylabel() or not place.is_first_col()
        assert ax.get_xlabel() or ax.get_label() == "<colorbar>"


def test_a_figure_for_print_is_lines_and_no_pixels_and_the_same_bytes_twice(tmp_path):
    for file in ("first", "second"):
        save_figure(draw_classes(SEGMENTS), tmp_path / f"{file}.svg", notice="Test tables.")
    first, second = ((tmp_path / f"{file}.svg").read_bytes() for file in ("first", "second"))
    assert first == second
    assert b"<path" in first
    assert not any(part in first for part in (b"<image", b"dc:date", b"matplotlib.org"))


def test_a_notebook_shows_a_figure_without_pyplot():
    shown, _ = DisplayFormatter().format(draw_classes(SEGMENTS))
    assert shown["image/png"].startswith(b"\x89PNG")


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
