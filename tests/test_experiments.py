"""The table of runs is the study's grid and ours, and runs are found in it by name or group."""

import ast
import shutil
from collections import Counter

import pytest

from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.study import read_study
from spoken_cefr.neural_networks import inputs
from spoken_cefr.neural_networks import runs as experiments
from spoken_cefr.neural_networks.runs import (
    CODE,
    HERE,
    RUNS,
    code_digest,
    is_finished,
    run_key,
    select_runs,
)
from spoken_cefr.store import write_json


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


def test_the_studys_runs_are_never_stopped_early_and_ours_as_the_profile_says(demo_config):
    config = demo_config("neural_networks.patience=3")
    assert {run.patience(config) for run in select_runs("paper")} == {0}
    assert {run.patience(config) for run in select_runs("ours")} == {3}


def test_runs_are_chosen_by_name_and_by_group_each_once():
    assert [run.name for run in select_runs(" fusion,\nattention_speech ")] == [
        "attention_speech",
        "fusion",
    ]
    assert select_runs("all") == list(RUNS) == select_runs("ours,paper,fusion")


@pytest.mark.parametrize("names", ["resnet", "fusion,resnet", "", " , "])
def test_a_run_that_there_is_not_is_told_with_those_there_are(names):
    with pytest.raises(InputError, match=r"neural_networks\.runs.*fusion_crop"):
        select_runs(names)


@pytest.mark.parametrize(
    "override",
    ["seed=1", "arithmetic=portable", *(f"neural_networks.{key}" for key in ("epochs=3",
     "balance=class_weight", "patience=0", "precision=bfloat16", "rare_levels=merge",
     "n_folds=4"))],
)  # fmt: skip
def test_a_run_is_done_again_when_a_key_that_it_depends_on_changes(override, demo_config, tmp_path):
    run = select_runs("fusion")[0]
    fast = "arithmetic=fast"
    key = run_key(run, demo_config(fast), input_digest="d")
    write_json(tmp_path / "config.json", {"key": key})
    assert is_finished(tmp_path, key)
    assert not is_finished(tmp_path, run_key(run, demo_config(fast, override), input_digest="d"))
    assert not is_finished(tmp_path, run_key(run, demo_config(fast), input_digest="e"))


@pytest.mark.parametrize("name", ["training/loop", "networks/per_segment", "training/examples"])
def test_a_run_is_done_again_when_the_text_of_a_module_changes_that_decides_its_result(
    name, demo_config, tmp_path, monkeypatch
):
    run, copy = select_runs("fusion")[0], tmp_path / "copy"
    key = run_key(run, demo_config(), input_digest="d")
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert code_digest(copy) == code_digest()
    with (copy / f"{name}.py").open("a") as file:
        file.write("# changed\n")
    code_digest.cache_clear()
    changed = code_digest(copy)
    monkeypatch.setattr(experiments, "code_digest", lambda: changed)
    assert run_key(run, demo_config(), input_digest="d") != key


def test_every_module_that_a_run_goes_through_is_in_its_key():
    # These have a key or a number of their own, or change no result.
    others = {"runs", "split"}
    of_inputs = {"embeddings/speech", "embeddings/encoders", "embeddings/text"}
    in_key = {path.relative_to(HERE).with_suffix("") for name in CODE for path in HERE.glob(name)}
    modules = {path.as_posix() for path in in_key if path.name != "__init__"}
    assert imported_from("out_of_fold", but=others | of_inputs) == modules


def imported_from(name, *, but):
    """Modules of the stage that one imports, and those that they import, but for some."""
    found, waiting = set(), {name}
    while waiting:
        module = waiting.pop()
        found.add(module)
        for node in ast.walk(ast.parse((HERE / f"{module}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and "neural_networks" in (node.module or ""):
                inner = node.module.partition("neural_networks")[2].strip(".").replace(".", "/")
                here = HERE / inner
                names = [f"{inner}/{a.name}".strip("/") for a in node.names]
                waiting |= set(names if here.is_dir() else [inner]) - but - found
    return found


def test_runs_that_read_measures_are_done_again_when_their_method_changes(demo_config, monkeypatch):
    config = demo_config()
    kinds = ("measures", "fusion", "speech_embedding", "image")
    before = {kind: inputs.input_keys(kind, config) for kind in kinds}
    monkeypatch.setattr(inputs, "method_keys", lambda code: ["another method"])
    changed = {kind for kind in kinds if inputs.input_keys(kind, config) != before[kind]}
    assert changed == {"measures", "fusion"}
