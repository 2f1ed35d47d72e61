"""Runs on made-up inputs: from arrays to folders, and what they refuse."""

import functools
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from made_up import made_up_corpus

from spoken_cefr.config import load_config
from spoken_cefr.corpus.levels import TARGET_LEVELS, label_set, level_codes, to_label_set
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.embeddings.places import cosines
from spoken_cefr.neural_networks.inputs import Source
from spoken_cefr.neural_networks.recordings import left_out, read_corpus
from spoken_cefr.neural_networks.runs import Run
from spoken_cefr.neural_networks.saved import load_run_model
from spoken_cefr.neural_networks.training import performing
from spoken_cefr.neural_networks.training.loop import train
from spoken_cefr.neural_networks.training.performing import Heard, Training, perform_run
from spoken_cefr.store import read_json, write_json

SIMPLE = Run("simple", "", "ours", "array", "simple", batch_size=16, epochs=2)
SMALL_CNN = replace(SIMPLE, name="cnn", architecture="small_cnn", head="corn")
ATTENTION = replace(SIMPLE, name="attention", architecture="attention", head="corn")
FUSION = replace(ATTENTION, name="fusion", inputs="fusion")
ORDINAL = replace(SIMPLE, name="ordinal", inputs="measures", architecture="ordinal")
WHOLE = [SIMPLE, SMALL_CNN, ATTENTION, FUSION, ORDINAL]
CROPPED = [replace(run, name=f"{run.name}_crop", crop_s=2.0) for run in WHOLE]
RUN_OF = {run.name: run for run in WHOLE + CROPPED}


def source(segments, run):
    """Rows that hold a little of the level."""
    rng = np.random.default_rng(0)
    shape = (len(segments), 12, 10) if run.architecture == "small_cnn" else (len(segments), 10)
    array = rng.normal(size=shape).astype(np.float32)
    codes = level_codes(segments["level"].replace("B2+", "B2"))
    array[:, 0] += codes.reshape(-1, *[1] * (array.ndim - 2))
    return Source(array, widths=(6, 4) if run.inputs == "fusion" else (10,))


def measures(recordings):
    """Two measures, one of which is sometimes undefined and one of which tells the level."""
    n = len(recordings)
    told = np.arange(n) % len(TARGET_LEVELS) + np.random.default_rng(0).normal(scale=0.3, size=n)
    values = {"mean_pause": np.where(np.arange(n) % 3 == 0, np.nan, 0.5), "speech_rate": told}
    return pd.DataFrame({"recording_id": recordings["recording_id"]} | values)


def perform(run, config, folder, *, corpus=None, **given):
    segments, split = corpus or made_up_corpus()
    given = {"clean": source(segments, run), "measures": measures(split)} | given
    classes = label_set(config.neural_networks.rare_levels)
    training = Training(run, split, classes, fold=0, seed=0, folder=folder / run.name, key="k")
    perform_run(training, Heard(segments, **given), config)


def answered(segments, split):
    """Recordings and segments that a training answers: those that it did not learn from."""
    asked = split.loc[split["part"] != "train", "recording_id"]
    return set(asked) | set(segments.loc[segments["recording_id"].isin(asked), "segment_id"])


# --- what a run leaves


@pytest.fixture(scope="module")
def left_by(tmp_path_factory):
    """Gives the folder that the training of a run has left; each run is trained once."""
    folder = tmp_path_factory.mktemp("runs")
    config = load_config("demo", [f'data_dir="{folder.as_posix()}"'])

    @functools.cache
    def left(name):
        perform(RUN_OF[name], config, folder)
        return folder / name

    return left


@pytest.mark.parametrize("name", RUN_OF)
def test_every_kind_of_run_leaves_what_evaluation_reads(name, left_by, demo_config):
    segments, split = made_up_corpus()
    table = pd.read_parquet(left_by(name) / "predictions.parquet")
    assert set(table["id"]) == answered(segments, split) and table["id"].is_unique
    np.testing.assert_allclose(table[[f"p_{c}" for c in TARGET_LEVELS]].sum(axis=1), 1)
    files = {path.name for path in left_by(name).iterdir()}
    expected = {"config.json", "model.safetensors", "predictions.parquet"}
    if "ordinal" not in name:
        expected.add("history.csv")
    if "attention" in name or "fusion" in name:
        expected.add("attention.parquet")
    assert files == expected
    card = read_json(left_by(name) / "config.json")
    assert card["key"] == "k" and card["notice"] == demo_config().notice


@pytest.mark.parametrize("name", RUN_OF)
def test_the_saved_model_gives_the_predictions_that_were_written(name, left_by):
    segments, split = made_up_corpus()
    saved = load_run_model(left_by(name))
    table = pd.read_parquet(left_by(name) / "predictions.parquet").set_index("id")
    columns = [f"p_{c}" for c in saved.classes]
    inputs = source(segments, RUN_OF[name]).array
    told = measures(split).set_index("recording_id")[saved.card["measures"]].to_numpy()
    for number in np.flatnonzero(split["part"] != "train"):
        recording_id = split["recording_id"][number]
        mine = (segments["recording_id"] == recording_id).to_numpy()
        answer = saved.of_recording(inputs[mine], told[number])
        np.testing.assert_allclose(table.loc[recording_id, columns], answer, atol=1e-6)
        of_segments = table.loc[segments.loc[mine, "segment_id"], columns]
        if name in ("simple", "cnn"):
            np.testing.assert_allclose(of_segments, saved.of_segments(inputs[mine]), atol=1e-6)
        if "ordinal" in name:
            # A model that hears no segment gives each of them its recording's answer.
            np.testing.assert_allclose(of_segments, np.tile(answer, (mine.sum(), 1)), atol=1e-9)


def test_attention_weights_of_each_recording_add_up_to_1_also_in_crops(left_by):
    _, split = made_up_corpus()
    tested = set(split.loc[split["part"] == "test", "recording_id"])
    for name in ("attention", "attention_crop"):
        table = pd.read_parquet(left_by(name) / "attention.parquet")
        sums = table.groupby("recording_id")["weight"].sum()
        assert set(sums.index) == tested
        np.testing.assert_allclose(sums, 1, atol=1e-6)
        if name.endswith("crop"):
            assert table.groupby("recording_id").size().max() == 2  # 2 s, without overlap


@pytest.mark.parametrize("name", ["simple_crop", "cnn_crop", "attention_crop"])
def test_what_lies_outside_the_middle_crop_does_not_change_a_recordings_answer(
    name, left_by, demo_config, tmp_path
):
    segments, split = made_up_corpus()
    place = segments.groupby("recording_id").cumcount().to_numpy()
    count = segments.groupby("recording_id")["segment_id"].transform("size").to_numpy()
    start = np.maximum(count - 3, 0) // 2
    outside = (place < start) | (place >= start + 3)
    tested = segments["recording_id"].map(split.set_index("recording_id")["part"]) == "test"

    spoilt = source(segments, RUN_OF[name])
    spoilt.array[outside & tested.to_numpy()] = 1e3
    perform(RUN_OF[name], demo_config(), tmp_path, clean=spoilt)
    tables = [
        pd.read_parquet(folder / "predictions.parquet").query("unit == 'recording'")
        for folder in (left_by(name), tmp_path / name)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_the_window_of_a_crop_is_its_middle(demo_config):
    segments, split = made_up_corpus()
    config = demo_config("processing.overlap=0.5")
    corpus = read_corpus(RUN_OF["ordinal_crop"], config, segments, split, TARGET_LEVELS)
    windows = corpus.windows().set_index("recording_id")
    n = segments.groupby("recording_id").size()
    long, short = n.idxmax(), n.idxmin()
    assert windows.loc[long, "end_s"] - windows.loc[long, "start_s"] == 2.0
    assert windows.loc[short, "start_s"] == 0
    assert windows.loc[short, "end_s"] == (n[short] + 1) / 2


def test_training_alone_is_noisy(left_by, demo_config, tmp_path):
    segments, _ = made_up_corpus()
    noisy = source(segments, SIMPLE)
    noisy.array[:] += 100  # so that one who mixes them up predicts elsewhere
    perform(replace(SIMPLE, noisy_training=True), demo_config(), tmp_path, noisy=noisy)
    loss, without = (
        pd.read_csv(folder / "history.csv")["train_loss"]
        for folder in (tmp_path / "simple", left_by("simple"))
    )
    assert loss[0] > without[0]
    saved = load_run_model(tmp_path / "simple")
    table = pd.read_parquet(tmp_path / "simple" / "predictions.parquet")
    written = table[table["unit"] == "segment"].set_index("id")
    clean = saved.of_segments(source(segments, SIMPLE).array)
    clean = clean[segments["segment_id"].isin(written.index)]
    np.testing.assert_allclose(written[[f"p_{c}" for c in saved.classes]], clean, atol=1e-6)


def test_a_run_of_the_study_goes_through_all_epochs_and_keeps_the_best(demo_config, tmp_path):
    config = demo_config("neural_networks.patience=1")
    for group, stopped in (("paper", False), ("ours", True)):
        run = replace(SIMPLE, group=group, name=group, epochs=30)
        perform(run, config, tmp_path)
        scores = pd.read_csv(tmp_path / group / "history.csv")["validation_macro_f1"]
        card = read_json(tmp_path / group / "config.json")
        assert (len(scores) < 30) == stopped
        assert card["best_epoch"] == scores.idxmax() + 1


def test_the_place_in_the_window_is_learned_from_training_rows_and_taken_out(demo_config, tmp_path):
    """The place in the window is in the embeddings; what is trained gets them without it."""
    segments, split = made_up_corpus(n=60)
    rng = np.random.default_rng(0)
    places = cosines(rng.random(len(segments)))
    clean = rng.normal(scale=0.1, size=(len(segments), 8)).astype(np.float32)
    clean[:, 0] += 5 * places[:, 0]
    given = Source(clean, widths=(8,), places=places)
    trained = segments["recording_id"].isin(split.loc[split["part"] == "train", "recording_id"])
    erased = given.without_place(given.learn_place(np.flatnonzero(trained)))
    tables = []
    for name, rows in (("place", given), ("erased", erased)):
        perform(SIMPLE, demo_config(), tmp_path / name, corpus=(segments, split), clean=rows)
        tables.append(pd.read_parquet(tmp_path / name / "simple" / "predictions.parquet"))
    pd.testing.assert_frame_equal(*tables)
    # The saved model takes it out of rows that still have it.
    saved = load_run_model(tmp_path / "place" / "simple")
    tested = split.loc[split["part"] == "test", "recording_id"].iloc[0]
    answer = saved.of_recording(clean[segments["recording_id"] == tested], np.zeros(0))
    written = tables[0].set_index("id").loc[tested, [f"p_{c}" for c in saved.classes]]
    np.testing.assert_allclose(written, answer, atol=1e-6)


@pytest.mark.parametrize("name", ["simple", "attention", "ordinal"])
def test_balancing_changes_what_is_learnt(name, demo_config, tmp_path):
    found = {}
    for balance in ("none", "class_weight", "weighted_sampling", "class_balanced"):
        config = demo_config(f"neural_networks.balance={balance}")
        perform(RUN_OF[name], config, tmp_path / balance, corpus=uneven())
        table = pd.read_parquet(tmp_path / balance / name / "predictions.parquet")
        found[balance] = table.set_index("id")["p_C1"]
    plain = found.pop("none")
    for balance, balanced in found.items():
        assert list(plain.index) == list(balanced.index)
        assert not np.allclose(plain, balanced), balance
        if balance != "class_balanced":  # with counts this small it hardly differs from none
            assert balanced.mean() > plain.mean(), balance


def uneven():
    """As `made_up_corpus`, but nearly all of train is A1."""
    segments, split = made_up_corpus(n=60)
    train = np.flatnonzero(split["part"] == "train")
    split.loc[train[10:], "level"] = "A1"
    segments["level"] = segments["recording_id"].map(split.set_index("recording_id")["level"])
    return segments, split


def test_merged_levels_are_learnt_as_one(demo_config, tmp_path):
    config = demo_config("neural_networks.rare_levels=merge")
    classes = label_set("merge")
    segments, split = made_up_corpus()
    for table in (segments, split):
        table["level"] = to_label_set(table["level"], classes)
    for name in ("attention", "ordinal", "simple"):
        perform(RUN_OF[name], config, tmp_path, corpus=(segments, split))
        table = pd.read_parquet(tmp_path / name / "predictions.parquet")
        assert list(table.columns)[-1] == "p_B2+"
        assert load_run_model(tmp_path / name).classes == classes


# --- what a run refuses


def test_recordings_of_one_level_only_are_one_clear_error(demo_config, tmp_path):
    segments, split = made_up_corpus()
    with pytest.raises(InputError, match="level A2"):
        perform(SIMPLE, demo_config(), tmp_path, corpus=(segments, split.assign(level="A2")))


@pytest.mark.parametrize(("noisy", "value"), [(False, np.nan), (True, np.inf)])
def test_not_a_number_in_the_inputs_names_the_segment(value, noisy, demo_config, tmp_path):
    segments, _ = made_up_corpus()
    run = replace(SIMPLE, noisy_training=True)
    given = {name: source(segments, run) for name in ("clean", "noisy")}
    given["noisy" if noisy else "clean"].array[7, 2] = value
    with pytest.raises(InputError, match=segments["segment_id"][7]):
        perform(run, demo_config(), tmp_path, **given)
    assert not (tmp_path / "simple" / "config.json").exists()


@pytest.mark.parametrize("name", ["simple", "cnn", "attention", "fusion_crop"])
def test_a_network_that_has_run_away_is_one_clear_error_and_leaves_no_answers(
    name, demo_config, tmp_path, monkeypatch
):
    def run_away(model, *args, **options):
        history = train(model, *args, **options)
        with torch.no_grad():
            for weights in model.parameters():
                weights.fill_(torch.nan)
        return history

    monkeypatch.setattr(performing, "train", run_away)
    with pytest.raises(InputError, match=f"{name}.* 9000"):
        perform(RUN_OF[name], demo_config(), tmp_path)
    assert not (tmp_path / name / "predictions.parquet").exists()


def test_rows_of_another_corpus_are_one_clear_error(demo_config, tmp_path):
    segments, _ = made_up_corpus()
    with pytest.raises(InputError, match=f"7 .*{len(segments)}"):
        perform(SIMPLE, demo_config(), tmp_path, clean=Source(np.zeros((7, 10), np.float32)))


def test_an_infinite_measure_and_a_missing_recording_are_named(demo_config, tmp_path):
    told = measures(made_up_corpus()[1])
    infinite = told.copy()
    infinite.loc[3, "speech_rate"] = np.inf
    with pytest.raises(InputError, match=r"speech_rate.* 9003"):
        perform(ORDINAL, demo_config(), tmp_path, measures=infinite)
    with pytest.raises(InputError, match="9000"):
        perform(ORDINAL, demo_config(), tmp_path, measures=told.iloc[1:])


def one_segment_corpus():
    """The last recording, of the test part, has a single segment."""
    segments, split = made_up_corpus()
    mine = segments["recording_id"] == split["recording_id"].iloc[-1]
    return segments[~mine | (segments["start_s"] == 0)].reset_index(drop=True), split


@pytest.mark.parametrize("name", ["simple", "simple_crop", "attention_crop", "ordinal_crop"])
def test_a_recording_of_one_segment_is_left_out_of_crops_alone_and_told(
    name, demo_config, tmp_path
):
    segments, split = one_segment_corpus()
    run = RUN_OF[name]
    perform(run, demo_config(), tmp_path, corpus=(segments, split))
    corpus = read_corpus(run, demo_config(), segments, split, TARGET_LEVELS)
    lacking = {"9023"} if run.crop_s else set()
    assert [(row["id"], "9023" in row["reason"]) for row in left_out(corpus, run)] == [
        (run.name, True) for _ in lacking
    ]
    table = pd.read_parquet(tmp_path / run.name / "predictions.parquet")
    assert answered(segments, split) - set(table["id"]) == lacking


def test_a_card_of_other_widths_than_the_weights_is_one_clear_error(left_by, tmp_path):
    folder = shutil.copytree(left_by("attention"), tmp_path / "attention")
    write_json(folder / "config.json", read_json(folder / "config.json") | {"widths": [9]})
    with pytest.raises(InputError, match=r"config\.json"):
        load_run_model(folder)
