"""Calibration and Wilson intervals, against worked numbers."""

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.evaluation.scores.calibration import (
    calibration_interval,
    coarser,
    expected_calibration_error,
    reliability_rows,
    reliability_sums,
)
from spoken_cefr.evaluation.scores.intervals import Bootstrap

BOOTSTRAP = Bootstrap(n_bootstrap=200, confidence=0.9, seed=1)


def test_ece_of_a_worked_example():
    # Two answers at 0.9, one right: gap 0.4. Two at 0.6, both right: gap 0.4. One at 0.3, wrong.
    confidence = np.array([0.9, 0.9, 0.6, 0.6, 0.3])
    right = np.array([True, False, True, True, False])
    sums = reliability_sums(confidence, right, np.array(list("aabbb"))).sum(axis=0)
    assert expected_calibration_error(sums) == pytest.approx((2 * 0.4 + 2 * 0.4 + 0.3) / 5)


def test_whoever_is_right_as_often_as_they_say_has_no_error():
    rng = np.random.default_rng(1)
    confidence = rng.choice([0.25, 0.55, 0.95], 60_000)
    right = rng.random(confidence.size) < confidence
    sums = reliability_sums(confidence, right, np.zeros(confidence.size, dtype=str))
    assert expected_calibration_error(sums.sum(axis=0)) < 0.01


def test_bins_hold_their_upper_bound_and_every_unit():
    confidence = np.array([0.0, 0.1, 0.100001, 0.2, 1.0])
    sums = reliability_sums(confidence, np.ones(5, dtype=bool), np.array(list("abcde")))
    rows = reliability_rows(sums, confidence=0.95)
    assert [(row["bin_high"], row["n"]) for row in rows] == [(0.1, 2), (0.2, 2), (1.0, 1)]


def test_the_interval_holds_the_value_and_one_speaker_has_none():
    rng = np.random.default_rng(2)
    confidence, right = rng.random(200), rng.random(200) < 0.5
    many = reliability_sums(confidence, right, np.arange(200) % 10)
    found = calibration_interval(many[None], BOOTSTRAP)
    assert found.low < found.value < found.high
    of_one = reliability_sums(confidence, right, np.zeros(200))
    one = calibration_interval(of_one[None], BOOTSTRAP)
    assert one.value == pytest.approx(found.value)
    assert np.isnan(one.low)


def test_of_several_seeds_it_is_the_mean_of_their_errors():
    rng = np.random.default_rng(3)
    sums = np.stack(
        [reliability_sums(rng.random(90), rng.random(90) < 0.5, np.arange(90) % 6) for _ in "ab"]
    )
    each = [calibration_interval(of_seed[None], BOOTSTRAP).value for of_seed in sums]
    assert calibration_interval(sums, BOOTSTRAP).value == pytest.approx(np.mean(each))


def test_joined_bins_hold_all_answers_and_none_holds_few():
    counts = [1, 2, 9, 4, 4, 12, 3]
    rows = [
        {"run": "r", "unit": "recording", "bin_low": (i + 3) / 10, "bin_high": (i + 4) / 10}
        | {"n": float(n), "confidence": (i + 3.5) / 10, "accuracy": 1 / n}
        | {"wilson_low": 0.0, "wilson_high": 1.0}
        for i, n in enumerate(counts)
    ]
    joined = coarser(pd.DataFrame(rows), confidence=0.95, at_least=8)
    assert joined["n"].tolist() == [12, 8, 15]
    assert (joined["n"] * joined["accuracy"]).tolist() == pytest.approx([3, 2, 2])  # one in each
    assert joined["bin_low"].tolist() == pytest.approx([0.3, 0.6, 0.8])
    assert joined["bin_high"].iloc[-1] == 1.0


def test_bins_are_joined_alike_wherever_in_the_table_a_run_stands():
    rows = [
        {"run": run, "unit": "recording", "bin_low": i / 10, "bin_high": (i + 1) / 10}
        | {"n": 10.0, "confidence": (i + 0.5) / 10, "accuracy": 0.5}
        | {"wilson_low": 0.0, "wilson_high": 1.0}
        for run in ("first", "second")
        for i in range(4)
    ]
    joined = coarser(pd.DataFrame(rows), confidence=0.95, at_least=8)
    assert joined.groupby("run")["bin_low"].count().to_dict() == {"first": 4, "second": 4}
