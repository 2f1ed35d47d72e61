"""Spans hold the level as often as they say, and the unsure ones are not answered."""

import json

import numpy as np
import pytest
from scipy.special import expit
from sureness import calibrate, conformal_depths, judge, risk_curve

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.errors import InputError
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.choice import load_model
from spoken_cefr.prediction.verdict import (
    Calibration,
    depths_of,
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
    # The given level is always likely, so that an end of the scale can be held more often.
    assert min(by_level) > 0.76 and inside.mean() < 0.9
    # The middle 80 % of the probability does not, where the model is too sure.
    assert (covered(p, codes, Calibration()).mean() < 0.76) == (sharpness == 5.0)


def test_spans_hold_where_other_levels_are_common():
    found = calibrate(*answers(4000))
    p, codes = answers(4000, shares=SHARES[::-1], seed=1)
    assert covered(p, codes, found).mean() == pytest.approx(0.8, abs=0.06)


def test_a_depth_is_the_quantile_of_its_level():
    p, codes = answers(999)
    own = depths_of(p)[np.arange(len(codes)), codes]
    for code, depth in enumerate(conformal_depths(p, codes)):
        of_class = own[codes == code]
        assert (of_class <= depth).mean() == pytest.approx(0.2, abs=1 / len(of_class) + 1e-9)


def test_of_too_few_texts_nothing_is_ruled_out():
    p, codes = answers(400)
    few = np.concatenate([np.flatnonzero(codes == 2)[:3], np.flatnonzero(codes != 2)])
    depths = conformal_depths(p[few], codes[few])
    assert depths[2] == 0 and (np.delete(depths, 2) > 0).all()


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
    assert told["covered"] == pytest.approx(0.8, abs=0.05)
    assert told["covered_by_fold"][0] <= told["covered"] <= told["covered_by_fold"][1]
    assert told["wrong_of_answered"] < told["wrong_of_others"]
    # One fold of answers that are all wrong is found out, for the others know nothing of it.
    p[folds == 0] = p[folds == 0][:, ::-1]
    assert judge(p, codes, folds)["covered_by_fold"][0] < 0.6


# --- what `predict` makes of it


def test_a_level_is_likely_where_it_is_deep_enough():
    p = np.array([0.05, 0.25, 0.4, 0.25, 0.05])
    assert likely_levels(p) == (1, 3)
    assert likely_levels(p, Calibration((0.04,) * 5)) == (0, 4)
    assert likely_levels(p, Calibration((0.2, 0.4, 0.2, 0.2, 0.2))) == (2, 3)
    assert likely_levels(p, Calibration((0.9,) * 5)) == (2, 2)  # never none
    found = Calibration((0.2, 0.4, 0.2, 0.2, 0.2))
    assert reach_verdict(p, TARGET_LEVELS, found).likely == ("B1", "B2")


def test_an_answer_below_the_least_probability_is_undecided():
    p = np.array([0.05, 0.25, 0.4, 0.25, 0.05])
    assert reason_of_spread(p, TARGET_LEVELS, Calibration((0.3,) * 5, 0.39)) is None
    code, told = reason_of_spread(p, TARGET_LEVELS, Calibration((0.3,) * 5, 0.41))
    assert code == "undecided" and "A2 to B2" in told


def test_the_starter_brings_its_own_and_one_that_lacks_a_level_is_refused(tmp_path):
    card = json.loads((STARTER / "config.json").read_text(encoding="utf-8"))
    found = load_model(STARTER).calibration
    assert found == Calibration(tuple(card["sure"]["depths"].values()), card["sure"]["least"])
    for path in STARTER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    del card["sure"]["depths"]["B1"]
    write_json(tmp_path / "config.json", card)
    with pytest.raises(InputError, match=r"sure\.depths"):
        load_model(tmp_path)
    del card["sure"]
    write_json(tmp_path / "config.json", card)
    assert load_model(tmp_path).calibration == Calibration()
