"""Explanations against cases whose answer can be worked out by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from librosa import mel_frequencies
from torch import nn

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.explanations import (
    clearest,
    gradcam,
    measure_differences,
    segment_evidence,
)
from spoken_cefr.evaluation.scores import mistakes
from spoken_cefr.evaluation.scores.answers import all_answers
from spoken_cefr.evaluation.scores.mistakes import mistakes_table
from spoken_cefr.figures.explanations import (
    draw_gradcam,
    draw_measures,
    draw_segments,
)
from spoken_cefr.figures.style import png_bytes
from spoken_cefr.neural_networks.networks.heads import HEADS
from spoken_cefr.neural_networks.networks.per_segment import SmallCNN, StudyCNN


class TwoFilters(nn.Module):
    """One 1 x 1 convolution with two filters, x and -x, and their mean for and against class 0."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 1, bias=False)
        self.convolution.weight.data = torch.tensor([[[[1.0]]], [[[-1.0]]]])

    def forward(self, images):
        maps = self.convolution(images.unsqueeze(1))
        first = maps[:, 0].mean(dim=(1, 2)) - 2 * maps[:, 1].mean(dim=(1, 2))
        return torch.stack([first, -first], dim=1)


def test_gradcam_of_a_network_worked_out_by_hand():
    image = torch.tensor([[0.0, 1.0], [2.0, 4.0]])
    # The logit of class 0 is the mean of x plus twice the mean of x: both filters' gradients over
    # their maps are 1/4 and -1/2, so the map is 1/4 x + 1/2 x, and that over its maximum is x / 4.
    np.testing.assert_allclose(gradcam(TwoFilters(), image, 0), image.numpy() / 4, rtol=1e-6)
    # For class 1 all of it speaks against: nothing is left.
    assert not gradcam(TwoFilters(), image, 1).any()


def test_gradcam_takes_the_study_s_network_and_leaves_it_as_it_was():
    torch.manual_seed(0)
    model = StudyCNN(50, n_outputs=5)
    before = [weight.clone() for weight in model.parameters()]
    with torch.no_grad():  # as the rest of evaluation runs
        heat = gradcam(model, torch.rand(50, 50), 3)
    assert heat.shape == (50, 50)
    assert 0 <= heat.min() <= heat.max() <= 1
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(weight.grad is None for weight in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_gradcam_explains_a_probability_where_outputs_are_no_logits_of_classes():
    image = torch.tensor([[0.0, 1.0], [2.0, 4.0]])
    # The logarithm of the softmax of (x, -x) moves as the first logit does: same places.
    of_softmax = gradcam(TwoFilters(), image, 0, probabilities=HEADS["softmax"].probabilities)
    np.testing.assert_allclose(of_softmax, gradcam(TwoFilters(), image, 0), rtol=1e-5)
    heat = gradcam(
        SmallCNN(16, n_outputs=4), torch.rand(16, 12), 4, probabilities=HEADS["corn"].probabilities
    )
    assert heat.shape == (16, 12)


def test_a_network_without_convolution_is_refused():
    with pytest.raises(ValueError):
        gradcam(nn.Linear(4, 2), torch.rand(4, 4), 0)


def test_evidence_is_the_log_ratio_to_the_strongest_other_level():
    segments = pd.DataFrame(
        {"segment_id": ["a", "b"], "start_s": [0, 0.5], "end_s": [1, 1.5], "text": ["x", "y"]}
    )
    told = segment_evidence(segments, np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]), answer=0)
    np.testing.assert_allclose(told["evidence"], [np.log(2), np.log(1 / 3)])
    certain = segment_evidence(segments, np.array([[1, 0, 0], [0, 0, 1]]), answer=0)
    assert np.isfinite(certain["evidence"]).all()


def corpus_of_measures():
    ids = [f"{level}{n}" for level in ("A1", "A2", "B1") for n in range(5)]
    levels = pd.Series([name[:2] for name in ids], index=ids)
    rate = levels.map({"A1": 2.0, "A2": 3.0, "B1": 4.0}) + np.tile(np.arange(5) / 10, 3)
    constant = pd.Series(1.0, index=ids)
    length = pd.Series(np.tile(np.arange(5.0), 3), index=ids)
    table = pd.DataFrame({"length": length, "constant": constant, "rate": rate})
    return table, levels


def test_the_measure_that_sets_the_level_apart_comes_first():
    measures, levels = corpus_of_measures()
    told = measure_differences(measures, levels, "A20", level="A2", classes=TARGET_LEVELS)
    assert list(told["measure"]) == ["rate", "length", "constant"]
    row = told.set_index("measure").loc["rate"]
    assert (row["value"], row["below"], row["above"]) == (3.0, 2.2, 4.2)
    # Without the recording itself: 3.1, 3.2, 3.3, 3.4.
    assert row["at"] == pytest.approx(3.25)
    assert row["margin"] > 0.2
    assert told.set_index("measure").loc["length", "margin"] <= 0
    assert told.set_index("measure")["margin"].isna()["constant"]


def test_the_lowest_level_has_no_neighbour_below_and_few_recordings_no_median():
    measures, levels = corpus_of_measures()
    told = measure_differences(measures, levels.iloc[:7], "A10", level="A1", classes=TARGET_LEVELS)
    assert told["below"].isna().all()
    assert told["above"].isna().all()  # two recordings of A2


def answers_to(*numbers):
    """The answers of a run to some of three recordings."""
    rows = [("1", "A1", "A1", 0.9), ("2", "A1", "B1", 0.8), ("3", "A2", "B1", 0.95)]
    rows = [rows[number - 1] for number in numbers]
    table = pd.DataFrame(rows, columns=["recording_id", "level", "predicted", "p"])
    table = table.assign(unit="recording", id=table["recording_id"], part="test", seed=0)
    table["speaker_id"] = table["recording_id"]
    for level in TARGET_LEVELS:
        table[f"p_{level}"] = np.where(
            table["predicted"] == level, table["p"], (1 - table["p"]) / 4
        )
    return all_answers({"net": table}, TARGET_LEVELS)


def test_the_surest_mistakes_come_first_with_text_and_measures(monkeypatch):
    texts = pd.Series({"2": "Bonjour.", "3": "mot " * 100})
    measures = pd.DataFrame({"rate": [1.0, 2.0]}, index=["2", "3"])
    answers = answers_to(1, 2, 3)
    found = mistakes_table(answers, ["net"], texts, measures, levels=TARGET_LEVELS)
    assert list(found["recording_id"]) == ["3", "2"]
    assert list(found["rate"]) == [2.0, 1.0]
    np.testing.assert_allclose(found["confidence"], [0.95, 0.8])
    np.testing.assert_allclose(found["p_level"], [0.0125, 0.05])
    assert list(found["transcript"]) == ["mot " * 100, "Bonjour."]
    monkeypatch.setattr(mistakes, "N_PER_RUN", 1)
    few = mistakes_table(answers, ["net"], texts, None, levels=TARGET_LEVELS)
    assert list(few["recording_id"]) == ["3"]


def test_the_recording_to_explain_is_right_and_sure():
    for numbers, expected in (((1, 2, 3), "1"), ((2, 3), "3")):
        told = answers_to(*numbers)["net", "recording"]
        assert told.ids[clearest(told)] == expected


@pytest.mark.slow
def test_evidence_is_drawn_with_and_without_what_it_may_lack():
    measures, levels = corpus_of_measures()
    told = measure_differences(measures, levels, "A10", level="A1", classes=TARGET_LEVELS)
    told["unit"] = "s"
    segments = pd.DataFrame(
        {"segment_id": ["a", "b"], "start_s": [0, 0.5], "end_s": [1, 1.5], "text": ["x", "y"]}
    )
    evidence = segment_evidence(segments, np.array([[0.6, 0.4], [0.1, 0.9]]), answer=0)
    plain, attended = (evidence.assign(attention=a) for a in (np.nan, np.array([0.3, 0.7])))
    image = np.linspace(0, 1, 100).reshape(10, 10)
    axes = {"length_s": 1.0, "n_mels": 40, "sample_rate": 16_000}
    for figure, n_axes in (
        (draw_measures(told, "title"), 1),
        (draw_measures(told.assign(margin=np.nan), "title"), 1),
        (draw_segments(plain, "title"), 1),
        (draw_segments(attended, "title"), 2),
        (draw_segments(attended.iloc[:1], "title"), 2),
        (draw_gradcam(image, image, "title", **axes), 3),  # and the colour bar
    ):
        assert png_bytes(figure).startswith(b"\x89PNG")
        assert len(figure.axes) == n_axes


def test_only_what_the_network_heard_has_a_bar_and_the_rest_is_shaded():
    evidence = pd.DataFrame({"start_s": [0.0, 1.0, 2.0], "end_s": [1.0, 2.0, 3.0], "text": "oui"})
    evidence = evidence.assign(evidence=[1.0, 2.0, 3.0], attention=[np.nan, 0.4, 0.6])
    ax = draw_segments(evidence, "title").axes[0]
    (bars,) = ax.containers
    assert [bar.get_height() for bar in bars] == [2.0, 3.0]
    (shaded,) = [patch for patch in ax.patches if patch.get_label().startswith("outside")]
    assert (shaded.get_x(), shaded.get_width()) == (0.0, 1.0)
    assert ax.get_xlim() == (0.0, 3.0)


def test_a_frequency_stands_in_the_middle_of_its_mel_band():
    ax = draw_gradcam(
        np.zeros((8, 8)), np.zeros((8, 8)), "title", length_s=1, n_mels=128, sample_rate=16_000
    ).axes[0]
    named = {text.get_text(): text.get_position()[1] for text in ax.get_yticklabels()}
    centres_hz = mel_frequencies(130, fmax=8000)[1:-1]
    assert named["1,000"] == pytest.approx(
        np.interp(1000, centres_hz, np.arange(128) + 0.5), abs=0.1
    )
