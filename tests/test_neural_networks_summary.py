"""The table of results so far."""

import pandas as pd
import pytest

from spoken_cefr.files import write_csv, write_json, write_parquet
from spoken_cefr.neural_networks.summary import CONSTANT, validation_table

CLASSES = ["A1", "A2", "B1"]


def write_run(folder, predicted, *, history=True):
    """Four training recordings (mostly A2), four of validation, one of test."""
    levels = ["A2", "A2", "A1", "A2", "A1", "A2", "B1", "A2", "B1"]
    parts = ["train"] * 4 + ["validation"] * 4 + ["test"]
    table = pd.DataFrame({"level": levels, "part": parts, "predicted": predicted})
    table = table.assign(unit="recording", id=list("abcdefghi"))
    segments = table.assign(unit="segment", predicted="B1")
    write_parquet(folder / "predictions.parquet", pd.concat([table, segments]))
    write_json(folder / "config.json", {"n_parameters": 12})
    if history:
        scores = {"epoch": [1, 2, 3], "validation_macro_f1": [0.1, 0.4, 0.3]}
        write_csv(folder / "history.csv", pd.DataFrame(scores))


def test_scores_are_those_of_the_validation_recordings(tmp_path):
    write_run(tmp_path / "net", ["A1"] * 4 + ["A1", "A2", "A2", "A2"] + ["A1"])
    table = validation_table(tmp_path, ["net"], classes=CLASSES)
    assert list(table.index) == [CONSTANT, "net"]
    row = table.loc["net"]
    assert (row["n_parameters"], row["n_epochs"], row["best_epoch"]) == (12, 3, 2)
    assert row["accuracy"] == 0.75
    # F1 of A1 is 1, of A2 4/5, of B1 0.
    assert row["macro_f1"] == pytest.approx((1 + 0.8 + 0) / 3)
    # Observed disagreement 1 (one B1 as A2); expected by the margins (1 2 1 and 1 3 0), over 4:
    # (1*0*1 + 1*3*1 + 2*1*1 + 2*0*1 + 1*1*4 + 1*3*1) / 4 = 3.
    assert row["quadratic_weighted_kappa"] == pytest.approx(1 - 1 / 3)


def test_the_constant_answer_is_the_commonest_level_of_train(tmp_path):
    write_run(tmp_path / "net", ["A1"] * 9)
    row = validation_table(tmp_path, ["net"], classes=CLASSES).loc[CONSTANT]
    assert row["accuracy"] == 0.5  # two of the four are A2
    assert row["quadratic_weighted_kappa"] == 0
    assert pd.isna(row["n_parameters"])


def test_a_run_without_epochs_has_none(tmp_path):
    write_run(tmp_path / "net", ["A2"] * 9, history=False)
    row = validation_table(tmp_path, ["net"], classes=CLASSES).loc["net"]
    assert pd.isna(row["n_epochs"]) and row["n_parameters"] == 12
