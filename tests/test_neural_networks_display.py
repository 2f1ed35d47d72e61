"""Figures of the notebook: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.patches import FancyBboxPatch
from torch import nn

from spoken_cefr.figures.architecture import draw_architecture, draw_fusion, layer_table
from spoken_cefr.figures.corpus import draw_balance
from spoken_cefr.figures.networks import (
    draw_images,
    draw_measures,
    draw_projection,
    project,
)
from spoken_cefr.figures.style import png_bytes
from spoken_cefr.neural_networks.networks.per_recording import AttentionNetwork
from spoken_cefr.neural_networks.networks.per_segment import (
    StudyCNN,
    build_model,
    count_parameters,
)


def test_the_projection_finds_the_two_directions_of_most_variance():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 5)) * [1, 0.1, 20, 0.1, 5]
    points, shares = project(rows)
    assert abs(np.corrcoef(points[:, 0], rows[:, 2])[0, 1]) > 0.99
    assert abs(np.corrcoef(points[:, 1], rows[:, 4])[0, 1]) > 0.99
    assert shares[0] == pytest.approx(rows[:, 2].var() / rows.var(axis=0).sum(), rel=0.01)
    third, _ = project(rows, first=2)
    assert abs(np.corrcoef(third[:, 0], rows[:, 0])[0, 1]) > 0.99


def test_levels_keep_their_order_and_rare_speakers_are_one_grey():
    speakers = [f"s{i}" for i in range(9) for _ in range(10 - i)]
    levels = ["B1", "A1"] * (len(speakers) // 2)
    rows = np.random.default_rng(0).normal(size=(len(speakers), 4))
    figure = draw_projection(rows, {"level": levels, "speaker": speakers})
    by_level, by_speaker = (
        [text.get_text() for text in panel.legends[0].get_texts()] for panel in figure.subfigs
    )
    assert by_level == ["A1", "B1"]
    assert by_speaker == ["others", *[f"s{i}" for i in range(7)]]
    drawn = [c.get_offsets().shape[0] for c in figure.subfigs[1].axes[0].collections]
    assert drawn == [5, 10, 9, 8, 7, 6, 5, 4]
    assert png_bytes(figure) == png_bytes(figure)


def test_of_a_large_cloud_some_are_drawn_and_keep_their_labels():
    rows = np.zeros((5000, 3))
    rows[:, 0] = np.arange(5000)
    levels = np.where(np.arange(5000) < 2500, "A1", "A2")
    figure = draw_projection(rows, {"level": levels})
    first, second = (c.get_offsets()[:, 0] for c in figure.subfigs[0].axes[0].collections)
    assert len(first) + len(second) == 1000
    assert first.max() < second.min() or second.max() < first.min()


def test_balance_bars_are_the_shares():
    shares = {"none": np.array([0.7, 0.3]), "class_weight": np.array([0.5, 0.5])}
    figure = draw_balance(shares, levels=["A1", "A2"])
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.7, 0.3, 0.5, 0.5]


def test_images_are_shown_as_they_are_a_row_for_each_kind():
    rows = np.random.default_rng(0).random((3, 5, 5))
    figure = draw_images({"clean": rows, "with noise": 1 - rows})
    shown = [ax.images[0].get_array() for ax in figure.axes]
    np.testing.assert_array_equal(np.stack(shown), np.concatenate([rows, 1 - rows]))


# --- networks


def test_the_layers_of_a_network_account_for_every_parameter():
    model = StudyCNN(50)
    layers = layer_table(model, torch.zeros(1, 50, 50))
    assert layers["n_parameters"].sum() == count_parameters(model)
    assert layers["layer"].tolist()[1] == "conv 3 x 3, ReLU"
    assert layers["output_shape"].iloc[-1] == (5,)
    assert layers["output_shape"].iloc[1] == (32, 48, 48)
    assert model.training  # as it was


def test_normalisation_counts_with_the_layer_before_it():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    layers = layer_table(model, torch.zeros(1, 3))
    assert layers["layer"].tolist() == ["input", "dense 4, batch norm, ReLU", "dense 2"]
    assert layers["n_parameters"].tolist() == [0, 16 + 8, 10]


def test_a_diagram_says_what_the_table_says():
    figure = draw_architecture(layer_table(StudyCNN(50), torch.zeros(1, 50, 50)), "CNN")
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"dense 50\nReLU\ndropout 0.5", "64 x 23 x 23", "1,692,850"} <= texts
    assert "1,711,921 parameters" in figure.axes[0].get_title()


def test_a_long_network_has_rows_and_a_layer_that_turns_its_input_gives_it_back():
    model = build_model("small_cnn", (40, 32), n_outputs=4)
    layers = layer_table(model, torch.zeros(1, 40, 32))
    assert layers["output_shape"].tolist()[:2] == [(40, 32), (40, 32)]
    figure = draw_architecture(layers, "small")
    lows = {box.get_y() for box in figure.axes[0].patches if isinstance(box, FancyBboxPatch)}
    assert len(layers) > 7 and len(lows) == 2 and figure.get_figwidth() <= 9


def test_the_fusion_network_is_drawn_as_it_branches_with_every_parameter():
    network = AttentionNetwork((512, 300), n_measures=25, n_outputs=4)
    ax = draw_fusion(network, ("speech", "text"), n_segments=60, title="fusion").axes[0]
    assert f"fusion: {count_parameters(network):,} parameters" in ax.get_title()
    boxes = [box for box in ax.patches if isinstance(box, FancyBboxPatch)]
    shapes = {text.get_text() for text in ax.texts}
    assert {"60 x 512", "60 x 300", "60 x 64", "60", "64", "25", "96", "4"} <= shapes
    # Two lanes, the gate above, the measures below, and what lies half way.
    assert len({box.get_y() for box in boxes}) == 5


# --- measures


def test_measures_are_drawn_by_level_and_undefined_ones_are_left_out():
    measures = pd.DataFrame({"recording_id": ["a", "b", "c"], "rate": [3.0, 5.0, np.nan]})
    levels = pd.Series({"a": "A1", "b": "A1", "c": "A2"})
    figure = draw_measures(measures, levels, {"rate": "rate (1/s)"}, levels=["A1", "A2"])
    first, second = figure.axes[0].lines
    assert sorted(first.get_ydata()) == [3.0, 5.0] and len(second.get_ydata()) == 0
    (median,) = figure.axes[0].collections
    assert median.get_segments()[0][0][1] == 4.0
    assert figure.axes[0].get_ylabel() == "rate (1/s)"
