"""The fast bootstrap does what drawing speakers one by one does."""

import numpy as np
import pytest

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.scores.intervals import (
    Asked,
    Bootstrap,
    mean_interval,
    paired_differences,
    speaker_intervals,
    speaker_weights,
    wilson_interval,
)
from spoken_cefr.evaluation.scores.metrics import METRICS, class_metrics, confusion_matrix

K = len(TARGET_LEVELS)
BOOTSTRAP = Bootstrap(n_bootstrap=200, confidence=0.9, seed=7)
ALL = {**METRICS, **class_metrics(TARGET_LEVELS)}


@pytest.fixture
def answers():
    """Truth, two predictions and speakers of 300 units: 12 speakers, C1 spoken by one of them."""
    rng = np.random.default_rng(0)
    speakers = np.array([f"s{n:02}" for n in rng.integers(0, 12, 300)])
    truth = np.where(speakers == "s03", 4, rng.integers(0, 4, 300))
    first = np.where(rng.random(300) < 0.6, truth, rng.integers(0, K, 300))
    second = np.where(rng.random(300) < 0.4, truth, rng.integers(0, K, 300))
    return truth, first, second, speakers


def slow_resamplings(truth, predictions, speakers):
    """Repeat the rows of each drawn speaker; give the rows of every resampling."""
    names = np.unique(speakers)
    weights = speaker_weights(names.size, BOOTSTRAP)
    for drawn in weights.astype(int):
        rows = [
            np.tile(np.flatnonzero(speakers == n), w) for n, w in zip(names, drawn, strict=True)
        ]
        rows = np.concatenate(rows)
        yield truth[rows], *(predicted[rows] for predicted in predictions)


def percentiles(values):
    values = np.array([v for v in values if not np.isnan(v)])
    return np.quantile(values, [0.05, 0.95])


def test_intervals_are_those_of_an_explicit_resampling(answers):
    truth, predicted, _, speakers = answers
    fast = speaker_intervals(ALL, Asked(truth, predicted, speakers, K), BOOTSTRAP)
    slow = [
        confusion_matrix(t, p, n_classes=K)
        for t, p in slow_resamplings(truth, [predicted], speakers)
    ]
    for name, metric in ALL.items():
        expected = percentiles([metric(matrix) for matrix in slow])
        np.testing.assert_allclose(fast[name][1:], expected, err_msg=name)
        assert fast[name].value == metric(confusion_matrix(truth, predicted, n_classes=K))


def test_paired_differences_are_those_of_an_explicit_resampling(answers):
    truth, first, second, speakers = answers
    asked = [Asked(truth, one, speakers, K) for one in (first, second)]
    fast = paired_differences(METRICS, *asked, BOOTSTRAP)
    slow = [
        (confusion_matrix(t, a, n_classes=K), confusion_matrix(t, b, n_classes=K))
        for t, a, b in slow_resamplings(truth, [first, second], speakers)
    ]
    for name, metric in METRICS.items():
        expected = percentiles([metric(a) - metric(b) for a, b in slow])
        np.testing.assert_allclose(fast[name][1:], expected, err_msg=name)


def test_the_interval_of_a_mean_is_that_of_an_explicit_resampling(answers):
    _, _, _, speakers = answers
    losses = np.random.default_rng(1).exponential(size=speakers.size)
    fast = mean_interval(losses, speakers, BOOTSTRAP)
    slow = [values.mean() for _, values in slow_resamplings(losses, [losses], speakers)]
    np.testing.assert_allclose(fast, [losses.mean(), *percentiles(slow)])


def test_the_order_of_the_rows_changes_nothing(answers):
    truth, predicted, _, speakers = answers
    order = np.random.default_rng(5).permutation(truth.size)
    as_given = speaker_intervals(ALL, Asked(truth, predicted, speakers, K), BOOTSTRAP)
    shuffled = Asked(truth[order], predicted[order], speakers[order], K)
    assert as_given == speaker_intervals(ALL, shuffled, BOOTSTRAP)


def test_one_speaker_gives_an_estimate_without_interval():
    truth = np.array([0, 1, 1])
    asked = Asked(truth, truth, np.array(["s"] * 3), K)
    one = speaker_intervals(METRICS, asked, BOOTSTRAP)
    assert one["accuracy"].value == 1
    assert np.isnan(one["accuracy"][1:]).all()


def test_nothing_to_score_is_refused():
    empty = np.array([], dtype=int)
    with pytest.raises(ValueError):
        speaker_intervals(METRICS, Asked(empty, empty, empty.astype(str), K), BOOTSTRAP)


def test_a_repeated_difference_is_the_mean_of_the_repeats_on_the_same_drawn_speakers(answers):
    truth, first, second, speakers = answers
    # Against each other both ways: no difference, whoever is drawn.
    both = np.stack([first, second])
    asked = [Asked(truth, one, speakers, K) for one in (both, both[::-1])]
    swapped = paired_differences(METRICS, *asked, BOOTSTRAP)
    for interval in swapped.values():
        np.testing.assert_allclose(interval, 0, atol=1e-12)


@pytest.mark.parametrize(
    "n_right, n, low, high",
    [
        (0, 11, 0.0, 0.26),  # C1 of the real catalogue, none found
        (6, 11, 0.28, 0.79),
        (81, 263, 0.2553, 0.3662),  # Newcombe (1998), table I
        (0, 20, 0.0, 0.1611),  # the same
    ],
)
def test_wilson_s_interval_is_the_published_one(n_right, n, low, high):
    found = wilson_interval(n_right, n, confidence=0.95)
    assert found == pytest.approx((low, high), abs=0.005)
