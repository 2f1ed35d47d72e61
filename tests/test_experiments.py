"""The table of runs is the study's grid and ours, and runs are found in it by name or group."""

import re
from collections import Counter

import pytest

from spoken_cefr.config import load_config
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.study import read_study
from spoken_cefr.files import write_json
from spoken_cefr.neural_networks.experiments import RUNS, is_finished, run_key, select_runs


def test_there_is_one_run_for_each_number_in_the_studys_tables():
    published = {
        f"{network['run']}_{size}"
        for network in read_study()["networks"]
        for size in network["accuracy"]
    }
    assert len(published) == 31
    assert {run.name for run in select_runs("paper")} == published


def test_the_cells_are_trained_as_the_study_trained_them():
    for run in select_runs("paper"):
        table = int(run.name[5])
        assert run.batch_size == int(run.name.rpartition("_")[2])
        assert run.epochs == (10 if table == 5 else 50)
        assert run.learning_rate == 1e-3
        assert run.noisy_training == (table in (3, 5))
        assert run.unit == "segment"
        assert run.head == "softmax"
    inputs = Counter(run.inputs for run in select_runs("paper"))
    assert inputs == {"speech_embedding": 18, "text_embedding": 9, "image": 4}


def test_each_of_ours_has_a_variant_on_crops_of_one_length():
    ours = {run.name: run for run in select_runs("ours")}
    whole = [name for name in ours if not name.endswith("_crop")]
    assert len(whole) == 4 and len(ours) == 8
    for name in whole:
        assert ours[name].crop_s == 0
        assert ours[f"{name}_crop"].crop_s > 0
        assert ours[f"{name}_crop"].inputs == ours[name].inputs


def test_names_are_unique_and_fit_for_folders():
    assert len({run.name for run in RUNS}) == len(RUNS) == 39
    assert all(re.fullmatch(r"[a-z0-9_]+", run.name) for run in RUNS)


def test_runs_are_chosen_by_name_and_by_group_each_once():
    assert [run.name for run in select_runs(" fusion,\nattention_speech ")] == [
        "attention_speech",
        "fusion",
    ]
    assert select_runs("all") == list(RUNS) == select_runs("ours,paper,fusion")


@pytest.mark.parametrize("names", ["resnet", "fusion,resnet", "", " , "])
def test_a_run_that_there_is_not_is_told_with_those_there_are(names):
    with pytest.raises(InputError, match=r"there is no .*name paper, ours, all or .*fusion_crop"):
        select_runs(names)


def test_the_demos_runs_are_in_the_table():
    runs = select_runs(load_config("demo").neural_networks.runs)
    assert {run.group for run in runs} == {"paper", "ours"}


@pytest.mark.parametrize(
    "override",
    ["seed=1", *(f"neural_networks.{key}" for key in ("epochs=3", "balance=class_weight",
     "patience=0", "precision=float32", "rare_levels=merge", "n_folds=4"))],
)  # fmt: skip
def test_a_run_is_done_again_when_a_key_that_it_depends_on_changes(override, demo_config, tmp_path):
    run = select_runs("fusion")[0]
    key = run_key(run, demo_config(), input_digest="d")
    write_json(tmp_path / "config.json", {"key": key})
    assert is_finished(tmp_path, key)
    assert not is_finished(tmp_path, run_key(run, demo_config(override), input_digest="d"))
    assert not is_finished(tmp_path, run_key(run, demo_config(), input_digest="e"))
