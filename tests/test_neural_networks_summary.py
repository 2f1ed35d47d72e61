"""The table of results so far."""

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.neural_networks.embeddings.places import cosines
from spoken_cefr.neural_networks.summary import (
    CONSTANT,
    place_shares,
    tell_balance,
    tell_places,
    tell_validation,
    validation_table,
)
from spoken_cefr.store import write_csv, write_json, write_parquet

CLASSES = ["A1", "A2", "B1"]


LEVELS = ["A2", "A2", "A1", "A2", "A1", "A2", "B1", "A2", "B1"]


def write_run(folder, *predicted, history=True):
    """Nine recordings; of each seed the answers to those of them that its models validated on."""
    tables = []
    for seed, answers in enumerate(predicted):
        table = pd.DataFrame({"level": LEVELS[-len(answers) :], "predicted": answers})
        table = table.assign(unit="recording", part="validation", seed=seed)
        tested = table.assign(part="test", predicted="B1")
        tables += [table, tested, table.assign(unit="segment", predicted="B1")]
    write_parquet(folder / "predictions.parquet", pd.concat(tables))
    write_json(
        folder / "config.json", {"n_parameters": 12, "n_folds": 5, "n_seeds": len(predicted)}
    )
    if history:
        scores = {"epoch": [1, 2, 3], "validation_macro_f1": [0.1, 0.4, 0.3]}
        one = pd.DataFrame(scores).assign(seed=0, fold=0)
        write_csv(folder / "history.csv", pd.concat([one, one[:2].assign(fold=1)]))


def test_scores_are_those_of_the_validation_recordings(tmp_path):
    write_run(tmp_path / "net", ["A1", "A2", "A2", "A2"])  # of A2, B1, A2, B1
    table = validation_table(tmp_path, ["net"], classes=CLASSES)
    assert list(table.index) == [CONSTANT, "net"]
    row = table.loc["net"]
    assert (row["n_parameters"], row["n_trainings"]) == (12, 5)
    # Trainings of three and of two epochs, each the best in its second.
    assert (row["n_epochs"], row["best_epoch"]) == (2.5, 2)
    assert row["accuracy"] == 0.25
    # F1 of A2 is 2/5 (one right of three answers, two true), of B1 0.
    assert row["macro_f1"] == pytest.approx((0.4 + 0) / 2)


def test_scores_are_means_over_seeds(tmp_path):
    write_run(tmp_path / "net", ["A2", "B1", "A2", "B1"], ["A2", "A2", "A2", "A2"])
    row = validation_table(tmp_path, ["net"], classes=CLASSES).loc["net"]
    assert row["n_trainings"] == 10
    assert row["accuracy"] == 0.75
    assert row["quadratic_weighted_kappa"] == 0.5  # 1 and 0


def test_the_constant_answer_is_the_commonest_level(tmp_path):
    write_run(tmp_path / "net", ["A1"] * 9)
    row = validation_table(tmp_path, ["net"], classes=CLASSES).loc[CONSTANT]
    assert row["accuracy"] == pytest.approx(5 / 9)
    assert row["quadratic_weighted_kappa"] == 0
    assert pd.isna(row["n_parameters"])


def test_a_run_without_epochs_has_none(tmp_path):
    write_run(tmp_path / "net", ["A2"] * 9, history=False)
    row = validation_table(tmp_path, ["net"], classes=CLASSES).loc["net"]
    assert pd.isna(row["n_epochs"]) and row["n_parameters"] == 12


def test_the_place_is_found_in_the_directions_that_hold_it_and_in_no_other():
    rng = np.random.default_rng(0)
    places = cosines(rng.uniform(size=2000))
    rows = rng.normal(size=(2000, 6)) * [1, 5, 0.1, 0.1, 0.1, 0.1]
    rows[:, 0] = 20 * places[:, 1]
    shares = place_shares(rows, places)
    assert shares[0] > 0.99 and (shares[1:] < 0.05).all()
    told = tell_places(rows, rows[:, 1:], places)
    assert "1 of them are mostly the place" in told


def test_the_level_that_gains_by_segmentation_is_named():
    segments = pd.DataFrame({"recording_id": list("aab"), "level": ["C1", "C1", "A1"]})
    assert "C1 gains most by segmentation (+16.7 points, to 67%)" in tell_balance(segments)


def test_the_best_run_stands_beside_the_constant_answer():
    table = pd.DataFrame({"macro_f1": [0.1, 0.3, 0.6]}, index=[CONSTANT, "weak", "strong"])
    told = tell_validation(table)
    assert "strong has the best macro-F1, 0.60" in told and "has 0.10" in told
