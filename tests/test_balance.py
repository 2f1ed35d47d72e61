"""Balancing: against scikit-learn, against the paper's formula, and only on what is trained on."""

from collections import Counter

import numpy as np
import pytest
import torch
from made_up import CPU
from sklearn.utils.class_weight import compute_class_weight

from spoken_cefr.neural_networks.runs import Run
from spoken_cefr.neural_networks.training.balance import (
    BETA,
    class_weights,
    effective_shares,
    sampling_weights,
)
from spoken_cefr.neural_networks.training.examples import Rows, Store
from spoken_cefr.neural_networks.training.performing import make_plan

CODES = np.repeat([0, 1, 3], [60, 30, 10])  # classes 2 and 4 are absent


def test_class_weights_are_scikit_learns_and_nothing_for_an_absent_class():
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=CODES)
    weights = class_weights(CODES, balance="class_weight", n_classes=5)
    np.testing.assert_allclose(weights[[0, 1, 3]], expected)
    assert weights[2] == weights[4] == 0


def test_the_class_balanced_weight_is_one_over_the_effective_number():
    weights = class_weights(CODES, balance="class_balanced", n_classes=5)
    effective = (1 - BETA ** np.array([60, 30, 10])) / (1 - BETA)
    # The effective number of n samples is the sum of b^0 ... b^(n-1): nearly n, and less.
    np.testing.assert_allclose(effective[2], sum(BETA**i for i in range(10)))
    np.testing.assert_allclose(weights[0] / weights[3], effective[2] / effective[0])
    assert weights[[0, 1, 3]].mean() == pytest.approx(1)


def test_none_weighs_nothing():
    assert class_weights(CODES, balance="none", n_classes=5) is None
    assert sampling_weights(CODES, balance="none") is None
    np.testing.assert_allclose(
        effective_shares(CODES, balance="none", n_classes=5), [0.6, 0.3, 0, 0.1, 0]
    )


@pytest.mark.parametrize("balance", ["class_weight", "weighted_sampling"])
def test_balanced_classes_have_equal_shares_and_absent_ones_none(balance):
    shares = effective_shares(CODES, balance=balance, n_classes=5)
    np.testing.assert_allclose(shares, [1 / 3, 1 / 3, 0, 1 / 3, 0])


# --- crops: the long recordings of a class do not make it look common

RUN = Run("crop", "", "ours", "array", "simple", batch_size=16, epochs=1, crop_s=2.0)
# Two recordings of class 0 have 100 segments each, ten of class 1 have four; a crop has three.
COUNTS = np.array([100] * 2 + [4] * 10)
OF_RECORDINGS = np.array([0] * 2 + [1] * 10)


def cropped_plan(balance, demo_config):
    """Examples of uneven lengths, and how they would be trained on."""
    codes = np.repeat(OF_RECORDINGS, COUNTS)
    store = Store(np.zeros((len(codes), 1), np.float32), device=CPU)
    examples = Rows(store, codes, COUNTS, crop=3)
    config = demo_config(f"neural_networks.balance={balance}")
    return examples, make_plan(RUN, config, examples, n_classes=2, bf16=False, seed=0)


def drawn(examples, plan, *, n_epochs=200):
    """How many segments of each class many epochs draw."""
    codes = Counter()
    for epoch in range(n_epochs):
        picks = examples.draw(torch.Generator().manual_seed(epoch), plan.chances)
        codes.update(examples.codes[picks].tolist())
    return codes


def test_a_weighted_draw_from_crops_of_uneven_recordings_is_even(demo_config):
    told = drawn(*cropped_plan("weighted_sampling", demo_config))
    assert told[0] / told.total() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("balance", ["class_weight", "class_balanced"])
def test_class_weights_are_those_of_the_segments_that_crops_draw(balance, demo_config):
    examples, plan = cropped_plan(balance, demo_config)
    told = drawn(examples, plan, n_epochs=1)
    assert told == {0: 6, 1: 30}
    weights = plan.class_weights.double().numpy()
    if balance == "class_weight":
        expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=[0] * 6 + [1] * 30)
        np.testing.assert_allclose(weights, expected, rtol=1e-6)
    else:
        effective = [sum(BETA**i for i in range(told[code])) for code in (0, 1)]
        np.testing.assert_allclose(weights[0] / weights[1], effective[1] / effective[0], rtol=1e-6)
