"""What the evaluation notebook says is what its tables hold, passed or not."""

import pandas as pd
import pytest

from spoken_cefr.evaluation.catalogue import read_counts
from spoken_cefr.evaluation.findings import (
    margins,
    readings,
    tell_audit,
    tell_below_chance,
    tell_calibration,
    tell_catalogue,
    tell_exceeds,
    tell_explanation,
    tell_groups,
    tell_levels,
    tell_mistakes,
    tell_scores,
    tell_speakers,
    tell_study,
)
from spoken_cefr.evaluation.study import REANALYSIS, read_study
from spoken_cefr.store import read_json

KAPPA = "quadratic_weighted_kappa"


def scores(kappas, unit="recording"):
    rows = [{"run": run, "unit": unit, KAPPA: kappa} for run, kappa in kappas.items()]
    return pd.DataFrame(rows).assign(
        **{f"{KAPPA}_low": lambda t: t[KAPPA] - 0.1, f"{KAPPA}_high": lambda t: t[KAPPA] + 0.1},
        within_one_level=0.9,
    )


def exceeding(**passed):
    rows = [
        {"run": run, "unit": "recording", "metric": KAPPA, "n_shortcuts": 2}
        | {"not_exceeded": "" if ok else "duration_only", "exceeds_all": ok}
        for run, ok in passed.items()
    ]
    return pd.DataFrame(rows)


def test_a_run_that_passes_is_said_to_pass_and_one_that_does_not_is_named_with_its_bar():
    told = tell_exceeds(exceeding(strong=True, weak=False), best="strong")
    assert "1 of 2 runs exceed" in told and "strong, passes" in told
    assert "weak does not exceed duration_only" in told
    assert "does not pass" in tell_exceeds(exceeding(strong=True, weak=False), best="weak")
    segments = exceeding(strong=False).assign(unit="segment")
    told = tell_exceeds(pd.concat([exceeding(strong=True), segments]), best="strong")
    assert "On segments 0 of 1 runs exceed" in told


def test_the_differences_shown_are_one_run_s_from_each_shortcut_in_kappa_hardest_first():
    row = {"run": "net", "other_is": "shortcut", "unit": "recording", "metric": KAPPA}
    rows = [
        row | {"other": "majority", "difference": 0.9, "low": 0.7, "high": 1.1},
        row | {"other": "length", "difference": 0.4, "low": 0.2, "high": 0.6},
        row | {"other": "other_net", "other_is": "run", "difference": 0.1},
        row | {"other": "length", "run": "weak", "difference": 0.1},
        row | {"other": "length", "unit": "segment", "difference": 0.1},
        row | {"other": "length", "metric": "accuracy", "difference": 0.1},
    ]
    shown = margins(pd.DataFrame(rows), run="net")["kappa of net minus its own"]
    assert shown.to_dict() == {"length": "0.40 [0.20, 0.60]", "majority": "0.90 [0.70, 1.10]"}
    assert shown.index.tolist() == ["length", "majority"]


def test_with_few_speakers_nothing_passes_or_fails():
    told = tell_exceeds(exceeding(one=None), best="one")
    assert "passes" not in told and "chance" in told


def test_the_best_run_stands_beside_the_best_shortcut():
    told = tell_scores(
        scores({"majority": -0.04, "length": 0.4, "weak": 0.2, "strong": 0.8}),
        {"majority", "length"},
        unit="recording",
    )
    assert "0.80 [0.70, 0.90] (strong)" in told and "length, has 0.40" in told
    assert "(-0.04)" in told  # and why the constant answer is not exactly 0


def test_the_study_s_cell_and_its_printed_output_are_told_apart():
    told = tell_study(read_study(), read_json(REANALYSIS))
    # 0.59 - 11,084 / 19,153 and 0.5800 - 11,084 / 19,153, in percentage points
    assert "(11,084 of 19,153)" in told
    assert "0.59 (+1.1 percentage points)" in told and "0.5800 (+0.13)" in told


def test_the_catalogue_s_levels_crowd_where_they_do():
    counts = read_counts()
    of_level = counts.groupby("level")["recordings"].sum()
    share = of_level[["A2", "B1"]].sum() / of_level[["A1", "A2", "B1", "B2", "C1"]].sum()
    assert f"{share:.0%} of 1,002 recordings are A2 or B1" in tell_catalogue(counts)


def test_the_worst_level_is_named_with_its_counts():
    per_class = pd.DataFrame(
        {"run": "net", "unit": "recording", "measure": "recall", "level": ["A1", "C1"]}
        | {"n_right": [9.0, 1.0], "n": [10.0, 4.0], "value": [0.9, 0.25]}
    )
    told = tell_levels(per_class, scores({"net": 0.5}), run="net")
    assert "A1 best (9 of 10)" in told and "C1 worst (1 of 4)" in told and "90%" in told


@pytest.mark.parametrize(
    "right, word", [(0.5, "surer than"), (0.8, "about as sure"), (0.95, "less sure")]
)
def test_a_run_is_as_sure_as_its_bins_say(right, word):
    bins = {"run": "net", "unit": "recording", "n": [4, 4], "confidence": [0.7, 0.9]}
    assert word in tell_calibration(pd.DataFrame(bins | {"accuracy": right}), run="net")


def test_only_a_curve_that_rises_at_its_end_is_said_to_rise():
    rows = [
        {"model": model, "n_train_speakers": n, KAPPA: kappa}
        for model, kappas in {"flat": (0.1, 0.5, 0.5), "mel": (0.1, 0.5, 0.7)}.items()
        for n, kappa in zip((1, 4, 8), kappas, strict=True)
    ]
    told = tell_speakers(pd.DataFrame(rows))
    assert "0.10 to 0.70 for sound, whole recording" in told  # as in the figure
    assert told.endswith("(by more than 0.05 over the last step): sound, whole recording.")


AUDIT = pd.DataFrame(
    [
        ("run", "net", "whole recording", "level", 0.3, 0.1, 0.5),
        ("run", "net", "whole recording", "gender", 1.0, 1.0, 1.0),
        ("run", "net", "labels permuted", "level", 0.0, -0.2, 0.2),
        ("probe", "mel", "whole recording", "level", 0.5, 0.4, 0.6),
    ],
    columns=["kind", "model", "condition", "target", "kappa", "kappa_low", "kappa_high"],
)


def test_the_level_s_kappas_stand_alone_and_others_in_a_table_of_their_own():
    level = readings(AUDIT, ["level"])
    assert level.columns.tolist() == ["level"] and len(level) == 3
    assert level.loc[("run", "net", "whole recording"), "level"] == "0.30 [0.10, 0.50]"
    others = readings(AUDIT, ["age_group", "gender"])
    assert others.loc[("run", "net", "whole recording"), "speaker's gender"] == "1.00 [1.00, 1.00]"
    assert len(others) == 1


def test_a_network_that_reads_the_voice_is_said_to():
    told = tell_audit(AUDIT)
    assert "net reads the speaker's gender with 1.00 [1.00, 1.00] and the level with 0.30" in told
    assert "ilence" not in told
    assert "No network was trained" in tell_audit(AUDIT[AUDIT["target"] == "level"])


@pytest.mark.parametrize(
    "low, told",
    [(0.2, "0.40 [0.20, 0.60] by net trained on it and 0.30 [0.20, 0.40] by a probe: above"),
     (-0.1, "not surely read")],
)  # fmt: skip
def test_what_silence_alone_gives_is_said_as_surely_as_it_is_known(low, told):
    silent = [
        ("run", "net", "silence only", "level", 0.4, low, 0.6),
        ("probe", "mel_silence", "silence only", "level", 0.3, low, 0.4),
    ]
    audit = pd.concat([AUDIT, pd.DataFrame(silent, columns=AUDIT.columns)])
    assert told in tell_audit(audit)


def test_what_is_surely_worse_than_chance_is_named_beside_what_nothing_to_read_gives():
    gender = ("run", "words", "whole recording", "gender", -0.4, -0.6, -0.1)
    nothing = ("run", "words", "labels permuted", "level", -0.2, -0.4, 0.1)
    audit = pd.concat([AUDIT, pd.DataFrame([gender, nothing], columns=AUDIT.columns)])
    told = tell_below_chance(audit)
    assert (
        "the speaker's gender by words (-0.40 [-0.60, -0.10])" in told and "-0.20 (words)" in told
    )
    assert "No answer" in tell_below_chance(AUDIT)


def test_a_group_of_fewer_than_six_speakers_is_not_named_lowest():
    groups = pd.DataFrame({"group": ["seniors", "adulte"], "n_speakers": [5, 6], "n": [2, 9]})
    groups = groups.assign(run="net", metric="accuracy", value=[0.0, 0.6], differs=[None, False])
    assert "0.60, for adult (9 recordings, 6 speakers)" in tell_groups(groups, run="net")
    assert "No group has 6 speakers" in tell_groups(groups.iloc[:1], run="net")


def test_mistakes_are_counted_by_distance_and_direction():
    mistakes = pd.DataFrame({"level": ["A1", "B1"], "predicted": ["B1", "A2"]})
    told = tell_mistakes(mistakes, ["A1", "A2", "B1"])
    assert "2 surest mistakes 1 are one level off; 1 answer too high and 1 too low" in told


def test_an_explanation_says_what_it_rests_on():
    document = {"recording_id": "7", "level": "A1", "run": "best", "predicted": "A1"}
    document |= {"confidence": 0.9, "segments_run": "net", "segments_answer": "A1"}
    document |= {"segments": [{"start_s": 1.0, "text": "oui"}, {"start_s": 2.0, "text": ""}]}
    document |= {"measures": [{"measure": "zipf", "margin": 0.5}]}
    document |= {"image_run": "cnn", "image_recording": "8", "image_level": "A1"}
    document |= {"image_answer": "A1", "image_kappa": 0.02}
    told = tell_explanation(document)
    assert "nearest to its own level in zipf" in told and "1 have no word" in told
    assert "recording 8, which is A1: of the answers that cnn (kappa 0.02) gets right" in told
    told = tell_explanation(document | {"image_answer": "A2"})
    assert "answers A2, which is wrong" in told and "gets right" not in told
