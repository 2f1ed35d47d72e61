"""The table of results so far."""

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.neural_networks.embeddings.places import cosines
from spoken_cefr.neural_networks.runs import select_runs
from spoken_cefr.neural_networks.summary import (
    CONSTANT,
    place_shares,
    tell_age,
    tell_balance,
    tell_cloud,
    tell_histories,
    tell_layers,
    tell_measures,
    tell_noise,
    tell_parts,
    tell_places,
    tell_run_names,
    tell_shares,
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
    table["quadratic_weighted_kappa"] = [float("nan"), 0.4, 0.7]
    told = tell_validation(table)
    assert "strong has the best kappa, 0.70" in told and "macro-F1 of 0.10" in told


def test_a_run_is_named_with_what_it_reads():
    (fusion,) = select_runs("fusion_crop")
    assert tell_run_names(["fusion_crop"]) == f"- `fusion_crop`: {fusion.description}"


def test_the_young_are_counted_at_both_ends():
    recordings = pd.DataFrame(
        {"level": ["A1", "A1", "C1"], "age_group": ["enfant", "adulte", "adulte"]}
    )
    assert "speak 50% of A1 and 0% of C1: the speaker's age is a clue" in tell_age(recordings)
    assert "hardly a clue" in tell_age(recordings.assign(age_group="adulte"))


def test_the_level_that_differs_most_between_the_parts_is_named():
    split = pd.DataFrame({"recording_id": list("abc"), "level": ["A1", "B1", "A1"]})
    split["part"] = ["train", "train", "test"]
    told = tell_parts(split, pd.DataFrame({"recording_id": list("aaabc")}))
    assert "A1, which differs most, is 75% of the training and 100% of the test" in told


def test_uneven_and_even_ways_of_balancing_are_told_apart():
    told = tell_shares(
        {"none": np.array([0.7, 0.3]), "weights": np.array([0.5, 0.5])}, ["A1", "A2"]
    )
    assert "`none` gives A2 30% of the loss and A1 70%; `weights` gives each level 50%" in told


def test_noise_is_told_by_dark_and_light_pixels():
    clean = np.array([[[0.0, 0.2, 0.8, 1.0]]])
    told = tell_noise(clean, np.array([[[0.4, 0.4, 0.8, 1.0]]]))
    assert "goes from 0.00 to 0.40 on average, the lightest from 1.00 to 1.00" in told


def test_a_labelling_that_places_the_points_explains_all_and_another_what_chance_does():
    rows = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    told = tell_cloud(rows, {"level": ["A1", "A1", "B1", "B1"], "speaker": ["x", "y", "x", "y"]})
    assert "the level explains 100% (by chance 33%) and the speaker explains 0%" in told


def test_the_measure_that_follows_the_level_is_named():
    measures = pd.DataFrame({"recording_id": list("abcd"), "pause": [4, 3, 2, 1]})
    measures = measures.assign(zipf=[1, 2, 1, 2], same=0)
    levels = pd.Series(["A1", "A2", "B1", "B1"], index=list("abcd"))
    told = tell_measures(measures, levels, ["pause", "zipf"], levels=CLASSES)
    assert "pause goes most closely" in told and "-0.95), zipf least" in told
    assert "no such measure" in tell_measures(measures, levels, [], levels=CLASSES)


def test_the_largest_layer_is_told_with_its_share():
    layers = pd.DataFrame({"layer": ["input", "dense 4, ReLU"], "n_parameters": [0, 16]})
    layers["output_shape"] = [(3,), (4,)]
    assert (
        "16 of 16 parameters (100.0%) sit in one layer, dense 4, whose output is 4"
        in tell_layers(layers)
    )


def test_the_training_that_fits_its_speakers_best_is_named():
    history = pd.DataFrame(
        {"validation_macro_f1": [0.2, 0.4, 0.3], "train_accuracy": [0.4, 0.7, 1]}
    )
    long = pd.concat([history.assign(validation_loss=[1.0, 0.5, 0.7]), *[history] * 2])
    long["validation_loss"] = long["validation_loss"].fillna(0.9)
    histories = {"net": long.assign(validation_accuracy=0.5)}
    histories["even"] = history.assign(validation_accuracy=0.7, validation_loss=[3.0, 2.0, 1.0])
    told = tell_histories(histories)
    assert "2 histories" in told and "+0.20 for net" in told and "+0.00 for even" in told
    assert "last 5 epochs for even:" in told and "was kept for even." in told
    assert "No run" in tell_histories({})
