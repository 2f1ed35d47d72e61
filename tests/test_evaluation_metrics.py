"""Measures against scikit-learn, and by what they must obey."""

import numpy as np
import pytest
from sklearn import metrics as reference

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.scores.metrics import (
    METRICS,
    accuracy,
    balanced_accuracy,
    class_metrics,
    confusion_matrix,
    log_losses,
    macro_f1,
    precision,
    quadratic_weighted_kappa,
    recall,
)

K = len(TARGET_LEVELS)


def random_pair(seed, *, n=400, classes=K):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    return truth, np.clip(truth + rng.integers(-2, 3, n), 0, classes - 1)


@pytest.mark.parametrize("seed", range(5))
def test_measures_are_those_of_scikit_learn(seed):
    truth, predicted = random_pair(seed)
    matrix = confusion_matrix(truth, predicted, n_classes=K)
    np.testing.assert_array_equal(
        matrix, reference.confusion_matrix(truth, predicted, labels=range(K))
    )
    expected = {
        "accuracy": reference.accuracy_score(truth, predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(truth, predicted),
        "macro_f1": reference.f1_score(truth, predicted, average="macro"),
        "quadratic_weighted_kappa": reference.cohen_kappa_score(
            truth, predicted, weights="quadratic"
        ),
        "mean_absolute_error": reference.mean_absolute_error(truth, predicted),
        "within_one_level": (np.abs(truth - predicted) <= 1).mean(),
    }
    assert set(expected) == set(METRICS)
    for name, metric in METRICS.items():
        assert metric(matrix) == pytest.approx(expected[name], abs=1e-12), name
    np.testing.assert_allclose(
        recall(matrix), reference.recall_score(truth, predicted, average=None)
    )
    np.testing.assert_allclose(
        precision(matrix), reference.precision_score(truth, predicted, average=None)
    )


@pytest.mark.parametrize("constant", range(K))
def test_a_constant_prediction_has_no_kappa_and_one_class_recalled(constant):
    truth, _ = random_pair(1)
    matrix = confusion_matrix(truth, np.full_like(truth, constant), n_classes=K)
    assert quadratic_weighted_kappa(matrix) == 0
    assert balanced_accuracy(matrix) == pytest.approx(1 / K)
    np.testing.assert_array_equal(recall(matrix), np.arange(K) == constant)
    assert np.isnan(precision(matrix)).sum() == K - 1


def test_a_level_absent_from_the_truth_is_left_out_of_macro_averages():
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    matrix = confusion_matrix(truth, predicted, n_classes=3)
    assert np.isnan(recall(matrix)[2])
    assert balanced_accuracy(matrix) == pytest.approx(3 / 4)
    expected = reference.f1_score(truth, predicted, labels=[0, 1], average="macro")
    assert macro_f1(matrix) == pytest.approx(expected)


def test_kappa_is_undefined_when_truth_and_answers_are_one_level():
    matrix = confusion_matrix(np.zeros(5, int), np.zeros(5, int), n_classes=K)
    assert np.isnan(quadratic_weighted_kappa(matrix))
    assert accuracy(matrix) == 1


def test_nothing_scored_is_nothing_known():
    assert all(np.isnan(metric(np.zeros((K, K)))) for metric in METRICS.values())


def test_a_stack_of_matrices_gives_the_measures_of_each():
    stack = np.stack([confusion_matrix(*random_pair(seed), n_classes=K) for seed in range(4)])
    for metric in [*METRICS.values(), *class_metrics(TARGET_LEVELS).values()]:
        np.testing.assert_array_equal(metric(stack), [metric(matrix) for matrix in stack])


def test_log_loss_is_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    probabilities = rng.dirichlet(np.ones(K), size=50)
    truth = rng.integers(0, K, 50)
    probabilities[0] = np.eye(K)[(truth[0] + 1) % K]  # sure, and wrong
    expected = reference.log_loss(truth, probabilities, labels=range(K))
    assert log_losses(truth, probabilities).mean() == pytest.approx(expected)


@pytest.mark.parametrize("bad", [-1, K])
def test_a_code_out_of_range_is_refused(bad):
    with pytest.raises(ValueError):
        confusion_matrix(np.array([0]), np.array([bad]), n_classes=K)
    with pytest.raises(ValueError):  # another length
        confusion_matrix(np.array([0, 1]), np.array([0]), n_classes=K)
