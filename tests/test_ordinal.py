"""CORN against a worked example and against the formula of coral-pytorch."""

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from spoken_cefr.neural_networks.networks.heads import (
    HEADS,
    corn_loss_terms,
    corn_probabilities,
)


def logit(p):
    return float(np.log(p / (1 - p)))


def corn_loss(logits, codes):
    total, weight = corn_loss_terms(logits, codes)
    return total / weight


def coral_pytorch_loss(logits, codes, n_classes):
    """``corn_loss`` of coral-pytorch 1.4.0 (Raschka, MIT licence), question by question."""
    n_examples, losses = 0, 0.0
    for k in range(n_classes - 1):
        asked = codes > k - 1
        labels = (codes[asked] > k).float()
        if len(labels) < 1:
            continue
        n_examples += len(labels)
        answers = logits[asked, k]
        losses += -torch.sum(
            logsigmoid(answers) * labels + (logsigmoid(answers) - answers) * (1 - labels)
        )
    return losses / n_examples


def test_the_worked_example_of_the_probabilities():
    logits = torch.tensor([[logit(0.8), logit(0.5), logit(0.25)]])
    # Above A1 0.8, above A2 0.4, above B1 0.1.
    torch.testing.assert_close(corn_probabilities(logits), torch.tensor([[0.2, 0.4, 0.3, 0.1]]))


@pytest.mark.parametrize("seed", range(4))
def test_the_loss_is_that_of_coral_pytorch(seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(20, 4, generator=generator) * 3
    codes = torch.randint(5 - seed, (20,), generator=generator)  # also with classes that are absent
    expected = coral_pytorch_loss(logits, codes, 5)
    torch.testing.assert_close(corn_loss(logits, codes), expected)


def test_probabilities_add_up_to_one_and_are_never_negative_for_extreme_logits():
    logits = torch.tensor([[1e4, -1e4, 30.0], [-1e4, 1e4, 1e4], [0.0, 0.0, 0.0]])
    p = corn_probabilities(logits.double())
    torch.testing.assert_close(p.sum(dim=1), torch.ones(3, dtype=torch.float64))
    assert (p >= 0).all()


@pytest.mark.parametrize("name", HEADS)
def test_a_class_weight_of_two_is_the_row_given_twice(name):
    generator = torch.Generator().manual_seed(1)
    outputs = torch.randn(6, 5 - HEADS[name].fewer, generator=generator)
    codes = torch.tensor([0, 1, 2, 3, 4, 4])
    weights = torch.tensor([1.0, 1.0, 1.0, 1.0, 2.0])
    total, weight = HEADS[name].loss_terms(outputs, codes, weights)
    twice = torch.cat([outputs, outputs[4:]]), torch.cat([codes, codes[4:]])
    expected_total, expected_weight = HEADS[name].loss_terms(*twice, None)
    torch.testing.assert_close(total, expected_total)
    torch.testing.assert_close(weight, expected_weight)


def test_the_terms_of_parts_add_up_to_those_of_the_whole():
    generator = torch.Generator().manual_seed(2)
    outputs = torch.randn(8, 4, generator=generator)
    codes = torch.randint(5, (8,), generator=generator)
    parts = [corn_loss_terms(outputs[i::2], codes[i::2]) for i in range(2)]
    total, weight = (sum(terms) for terms in zip(*parts, strict=True))
    torch.testing.assert_close(total / weight, corn_loss(outputs, codes))
