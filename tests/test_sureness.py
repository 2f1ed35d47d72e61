"""Spans hold the level as often as they say, and the unsure ones are not answered."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sureness import calibrate, conformal_share, judge, risk_curve, shares_before

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.errors import InputError
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.choice import load_model
from spoken_cefr.prediction.verdict import (
    AS_PROBABLE,
    Calibration,
    equally_likely,
    likely_levels,
    reach_verdict,
    reason_of_spread,
)
from spoken_cefr.store import write_json

STARTER = ROOT / "data" / "starter"
SHARES = (0.1, 0.15, 0.2, 0.25, 0.3)


def answers(n, *, sharpness=1.0, shares=SHARES, seed=0):
    """Answers of a model that places texts with an error; ``sharpness`` above 1 is too sure."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(5, size=n, p=shares)
    places = codes + rng.normal(0, 0.8, n)
    below = expit(sharpness * 2 * (np.arange(0.5, 4) - places[:, None]))
    edges = np.pad(below, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
    return np.diff(edges), codes


def covered(probabilities, codes, found):
    spans = np.array([likely_levels(p, found) for p in probabilities])
    return (spans[:, 0] <= codes) & (codes <= spans[:, 1])


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 5.0], ids=["modest", "right", "too sure"])
def test_spans_hold_each_level_of_new_texts_as_often_as_they_say(sharpness):
    found = calibrate(*answers(4000, sharpness=sharpness))
    p, codes = answers(4000, sharpness=sharpness, seed=1)
    inside = covered(p, codes, found)
    by_level = [inside[codes == code].mean() for code in range(5)]
    # One share is large enough for every level, so that most are held more often.
    assert min(by_level) > 0.76 and inside.mean() < 0.95
    # 80 % of the probability does not, where the model is too sure.
    assert (covered(p, codes, Calibration()).mean() < 0.76) == (sharpness == 5.0)


def test_spans_hold_where_other_levels_are_common():
    found = calibrate(*answers(4000))
    p, codes = answers(4000, shares=SHARES[::-1], seed=1)
    inside = covered(p, codes, found)
    assert min(inside[codes == code].mean() for code in range(5)) > 0.76


def test_the_share_is_the_quantile_of_the_level_that_is_hardest_to_hold():
    p, codes = answers(999)
    before, share = shares_before(p, codes), conformal_share(p, codes)
    held = [(before[codes == code] <= share).mean() for code in range(5)]
    assert 0.8 <= min(held) <= 0.8 + 2 / np.bincount(codes).min()


def test_a_level_is_likely_where_the_share_is_larger_than_what_is_held_before_it():
    p, codes = answers(300)
    before = shares_before(p, codes)
    for share in (0.3, 0.6, 0.9):
        assert (covered(p, codes, Calibration(share)) == (before < share)).all()


def test_of_too_few_texts_nothing_is_ruled_out():
    p, codes = answers(400)
    few = np.concatenate([np.flatnonzero(codes == 2)[:3], np.flatnonzero(codes != 2)])
    assert conformal_share(p[few], codes[few]) == 1.0
    assert likely_levels(p[0], Calibration(1.0)) == (0, 4)


def test_the_surest_answers_are_wrong_less_often():
    answered, risk, least = risk_curve(*answers(4000))
    assert (np.diff(answered) > 0).all() and (np.diff(least) <= 0).all()
    assert risk[len(risk) // 3] < risk[-1]


@pytest.mark.parametrize("max_risk", [0.2, 0.3])
def test_of_new_texts_that_are_answered_so_many_are_wrong(max_risk):
    least = calibrate(*answers(6000), max_risk=max_risk).least
    answered, risk, confidence = risk_curve(*answers(6000, seed=1))
    kept = np.flatnonzero(confidence >= least)[-1]
    assert risk[kept] == pytest.approx(max_risk, abs=0.03)
    assert risk[-1] > risk[kept] and answered[kept] > 0.1


def test_where_all_are_answered_there_are_no_others():
    p, codes = (np.concatenate([part, part]) for part in answers(300))
    told = judge(p, codes, np.repeat([0, 1], 300), max_risk=1.0)
    assert (told["answered"], told["wrong_of_others"]) == (1.0, None)


def test_folds_are_judged_by_the_others():
    p, codes = answers(3000)
    folds = np.arange(3000) % 5
    told = judge(p, codes, folds, max_risk=0.2)
    assert min(told["covered_by_level"]) > 0.76 and told["width"] < 2.5
    assert told["covered_by_fold"][0] <= told["covered"] <= told["covered_by_fold"][1]
    assert told["wrong_of_answered"] < told["wrong_of_others"]
    # One fold of answers that are all wrong is found out, for the others know nothing of it.
    p[folds == 0] = p[folds == 0][:, ::-1]
    assert judge(p, codes, folds)["covered_by_fold"][0] < 0.6


# --- what `predict` makes of it


def test_likely_levels_hold_the_share_with_as_few_levels_as_can_be():
    p = np.array([0.02, 0.18, 0.4, 0.3, 0.1])
    likely = [likely_levels(p, Calibration(share)) for share in (0.1, 0.5, 0.8, 0.9, 1.0)]
    assert likely == [(2, 2), (2, 3), (1, 3), (1, 4), (0, 4)]
    assert reach_verdict(p, TARGET_LEVELS, Calibration(0.5)).likely == ("B1", "B2")


def test_two_levels_that_are_as_probable_are_likely_both():
    readme = np.array([0.01, 0.04, 0.166, 0.394, 0.39])  # printed as 39 % and 39 %
    assert likely_levels(readme, Calibration(0.1)) == (3, 4)
    assert equally_likely(dict(zip(TARGET_LEVELS, readme, strict=True))) == ["B2", "C1"]
    assert equally_likely({"A1": 0.1, "A2": 0.2, "B1": 0.7}) == []
    assert likely_levels([0.2] * 5, Calibration(0.1)) == (0, 4)


@given(st.lists(st.floats(0.001, 1), min_size=5, max_size=5), st.floats(0, 1))
def test_no_level_is_left_out_that_is_as_probable_as_one_that_is_likely(weights, share):
    p = np.array(weights) / sum(weights)
    low, high = likely_levels(p, Calibration(share))
    left_out = np.delete(p, np.s_[low : high + 1])
    assert (left_out < p[low : high + 1].min() - AS_PROBABLE + 1e-9).all()
    assert low <= int(reach_verdict(p, TARGET_LEVELS).score) - 1 <= high
    assert p[low : high + 1].sum() >= share - 1e-9


def test_an_answer_below_the_least_probability_is_undecided():
    p = np.array([0.05, 0.25, 0.4, 0.25, 0.05])
    assert reason_of_spread(p, TARGET_LEVELS, Calibration(0.3, 0.39)) is None
    code, told = reason_of_spread(p, TARGET_LEVELS, Calibration(0.3, 0.41))
    assert code == "undecided" and "A2 to B2" in told


def test_the_starter_brings_its_own_and_one_that_lacks_a_value_is_refused(tmp_path):
    card = json.loads((STARTER / "config.json").read_text(encoding="utf-8"))
    found = load_model(STARTER).calibration
    assert found == Calibration(card["sure"]["share"], card["sure"]["least"])
    for path in STARTER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    del card["sure"]["share"]
    write_json(tmp_path / "config.json", card)
    with pytest.raises(InputError, match=r"sure\.share"):
        load_model(tmp_path)
    del card["sure"]
    write_json(tmp_path / "config.json", card)
    assert load_model(tmp_path).calibration == Calibration()


def test_the_card_tells_spans_that_hold_and_that_the_surest_are_wrong_less_often():
    sure = json.loads((STARTER / "config.json").read_text(encoding="utf-8"))["scores"]["sure"]
    card = (STARTER / "README.md").read_text(encoding="utf-8")
    assert sure["n"] > 2000 and sure["covered"] >= 0.8
    assert min(sure["covered_by_fold"]) > 0.75 and min(sure["covered_by_level"]) > 0.77
    risks = [risk for _, risk, _ in sure["curve"]]
    assert risks == sorted(risks, reverse=True) and risks[-1] < risks[0] / 2
    for share, risk, _ in sure["curve"]:
        assert f"| {share:.0%} | {risk:.1%} |" in card
