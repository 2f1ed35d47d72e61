"""The networks: sizes against hand arithmetic, and what their answers must not depend on."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from spoken_cefr.neural_networks.networks.per_recording import AttentionNetwork
from spoken_cefr.neural_networks.networks.per_segment import (
    RegularisedDNN,
    SimpleDNN,
    Standardise,
    StudyCNN,
    build_model,
    count_parameters,
)


def dense(*widths):
    """Weights and biases of a chain of dense layers."""
    return sum(n_in * n_out + n_out for n_in, n_out in pairwise(widths))


# --- sizes


def test_the_cnn_has_the_parameters_that_the_study_implies():
    # 3x3 convolutions, then 23x23x64 or 62x62x64 values into Dense(50), then 5 levels.
    convolutions = (9 * 32 + 32) + (9 * 32 * 64 + 64)
    assert count_parameters(StudyCNN(50)) == convolutions + dense(23 * 23 * 64, 50, 5)
    assert count_parameters(StudyCNN(128)) == convolutions + dense(62 * 62 * 64, 50, 5)
    assert count_parameters(StudyCNN(128)) == pytest.approx(12.3e6, rel=0.01)


def test_pooling_before_relu_and_keras_order_of_numbers_is_the_study_s_network_all_the_same():
    torch.manual_seed(0)
    model = StudyCNN(20).eval()
    images = torch.rand(3, 20, 20)
    first, second, dense, last = (part for part in model.layers if hasattr(part, "weight"))
    maps = nn.functional.max_pool2d(second(first(images.unsqueeze(1)).relu()).relu(), 2)
    in_keras_order = maps.detach().numpy().transpose(0, 2, 3, 1).reshape(3, -1)
    expected = last(dense(torch.as_tensor(in_keras_order)).relu())
    torch.testing.assert_close(model(images), expected)


@pytest.mark.parametrize(
    "architecture, hidden, normalised",
    [
        ("complex", (768, 200, 100, 50), True),
        ("medium", (512, 200, 100, 50), True),
        ("simple", (512, 256, 128), False),
    ],
)
def test_the_dnns_have_the_parameters_that_the_study_implies(architecture, hidden, normalised):
    # Batch norm trains a scale and a shift a unit.
    expected = dense(768, *hidden, 5) + 2 * sum(hidden) * normalised
    assert count_parameters(build_model(architecture, (768,))) == expected


def test_the_deep_dnns_normalise_and_drop_out_after_each_layer_and_the_simple_one_twice():
    layers = [type(layer) for layer in build_model("complex", (10,)).layers]
    assert layers == [nn.Linear, nn.ReLU, nn.BatchNorm1d, nn.Dropout] * 4 + [nn.Linear]
    rates = [part.p for part in build_model("medium", (10,)).modules() if hasattr(part, "p")]
    assert rates == [0.3] * 4
    rates = [part.p for part in SimpleDNN(10).modules() if hasattr(part, "p")]
    assert rates == [0.5] * 2


@pytest.mark.parametrize(
    "architecture, shape",
    [
        ("study_cnn", (50, 50)),
        ("small_cnn", (128, 32)),
        ("simple", (20,)),
        ("medium", (20,)),
        ("complex", (20,)),
    ],
)
def test_every_network_gives_as_many_outputs_as_it_is_asked_for(architecture, shape):
    assert build_model(architecture, shape)(torch.zeros(3, *shape)).shape == (3, 5)
    assert build_model(architecture, shape, n_outputs=3)(torch.zeros(3, *shape)).shape == (3, 3)


# --- as Keras


def test_the_penalty_is_keras_l2_on_the_hidden_kernels_alone():
    model = RegularisedDNN(4, widths=(3, 2))
    kernels = [layer.weight for layer in model.layers if isinstance(layer, nn.Linear)]
    assert len(kernels) == 3
    expected = 0.001 * sum((kernel**2).sum().item() for kernel in kernels[:-1])
    assert model.penalty().item() == pytest.approx(expected)
    model.penalty().backward()
    torch.testing.assert_close(kernels[0].grad, 0.002 * kernels[0])
    assert kernels[-1].grad is None
    assert all(layer.bias.grad is None for layer in model.layers if isinstance(layer, nn.Linear))


def test_the_study_networks_begin_as_keras_begins_them():
    model = SimpleDNN(1000)
    first = model.layers[0]
    limit = np.sqrt(6 / (1000 + 512))  # Glorot uniform
    assert first.bias.abs().max() == 0
    assert 0.99 * limit < first.weight.abs().max() <= limit


# --- standardising


def test_inputs_are_standardised_by_all_batches_together():
    rows = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 5 + 7
    layer = Standardise(3)
    layer.fit(rows.split(17))
    torch.testing.assert_close(layer.mean, rows.mean(dim=0))
    torch.testing.assert_close(layer.deviation, rows.std(dim=0, correction=0))
    torch.testing.assert_close(layer(rows).std(dim=0, correction=0), torch.ones(3))


def test_a_constant_feature_becomes_0_and_a_missing_value_the_mean():
    rows = torch.tensor([[1.0, 0.1], [torch.nan, 0.1], [3.0, 0.1]])
    layer = Standardise(2)
    layer.fit([rows])
    assert torch.equal(layer(rows)[:, 1], torch.zeros(3))
    assert layer(rows)[1, 0] == 0
    assert layer.mean[0] == 2
    # Even where a new row differs in what never differed in training.
    assert layer(torch.tensor([[2.0, 9.9]])).abs().max() == 0


# --- attention


def attention_network(*, n_measures=0):
    torch.manual_seed(0)
    return AttentionNetwork((6, 4), n_measures=n_measures, n_outputs=4).eval()


def test_attention_adds_up_to_1_and_padding_gets_none():
    present = torch.tensor([[True] * 5, [True, True, False, False, False]])
    weights = attention_network().attention(torch.randn(2, 5, 10), present)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2))
    assert torch.equal(weights[1, 2:], torch.zeros(3))


def test_neither_padding_nor_the_order_of_the_segments_changes_the_answer():
    model, segments = attention_network(), torch.randn(1, 7, 10)
    alone = model(segments, torch.ones(1, 7, dtype=torch.bool), torch.zeros(1, 0))
    padded = torch.cat([segments, 100 * torch.ones(1, 3, 10)], dim=1)
    present = torch.tensor([[True] * 7 + [False] * 3])
    torch.testing.assert_close(model(padded, present, torch.zeros(1, 0)), alone)
    turned = segments.flip(1)
    again = model(turned, torch.ones(1, 7, dtype=torch.bool), torch.zeros(1, 0))
    torch.testing.assert_close(again, alone)


def test_a_recording_that_is_played_twice_gets_the_same_answer():
    model, segments = attention_network(n_measures=2), torch.randn(1, 7, 10)
    measures = torch.tensor([[0.3, -1.0]])
    once = model(segments, torch.ones(1, 7, dtype=torch.bool), measures)
    twice = torch.cat([segments, segments], dim=1)
    torch.testing.assert_close(model(twice, torch.ones(1, 14, dtype=torch.bool), measures), once)


def test_measures_count_and_one_that_is_not_defined_counts_as_the_mean():
    model = attention_network(n_measures=2)
    model.fit_inputs([torch.randn(9, 10)], torch.tensor([[1.0, 5.0], [3.0, 7.0]]))
    segments, present = torch.randn(1, 3, 10), torch.ones(1, 3, dtype=torch.bool)

    def answer(*measures):
        return model(segments, present, torch.tensor([measures]))

    torch.testing.assert_close(answer(torch.nan, 5.0), answer(2.0, 5.0))
    assert not torch.allclose(answer(2.0, 5.0), answer(2.0, 7.0))
