"""Balancing: against scikit-learn, against the paper's formula, and only on what is trained on."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from spoken_cefr.neural_networks.balance import (
    BETA,
    class_weights,
    effective_shares,
    sampling_weights,
)

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


def test_a_rarer_class_gets_more_and_class_balanced_lies_between_none_and_class_weight():
    many = np.repeat([0, 1], [5000, 100])

    def ratio(balance):
        weights = class_weights(many, balance=balance, n_classes=2)
        return weights[1] / weights[0]

    assert 1 < ratio("class_balanced") < ratio("class_weight")


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
