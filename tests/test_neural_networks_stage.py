"""The whole stage on a made-up corpus: split, runs, report; what is kept and what is told."""

import numpy as np
import pandas as pd
import pytest
import torch
from made_up import made_up_corpus
from safetensors import SafetensorError

from spoken_cefr import neural_networks
from spoken_cefr.corpus.metadata import COLUMNS
from spoken_cefr.errors import InputError
from spoken_cefr.measures.crops import crop_measures, words_in
from spoken_cefr.neural_networks import out_of_fold
from spoken_cefr.neural_networks.training.performing import perform_run
from spoken_cefr.stages import Report, finish_stage, stage_folder
from spoken_cefr.store import read_json, write_csv, write_parquet

# Runs that need neither weights nor a French text.
RUNS = "neural_networks.runs=table5_cnn50_256,small_cnn,small_cnn_crop"
OPTIONS = [
    RUNS,
    "neural_networks.epochs=1",
    "neural_networks.n_folds=3",
    "neural_networks.n_seeds=2",
    "n_jobs=1",
]


def write_processing(config, *, spoil=None):
    """What the stages before leave, spectrograms of one value a level."""
    segments, split = made_up_corpus(n=30)
    # Three levels a speaker: a split that trains on all of them is easy to find.
    split["speaker_id"] = [f"spk_{i // 3}" for i in range(len(split))]
    segments["speaker_id"] = segments["recording_id"].map(
        split.set_index("recording_id")["speaker_id"]
    )
    metadata = split.assign(author=split["speaker_id"], sha256="", file_name="", usable=True)
    table = stage_folder(config, "scraping") / "metadata.csv"
    write_csv(table, metadata.assign(duration_s=5.0).reindex(columns=list(COLUMNS)))
    finish_stage(config, _account("scraping"), [table])
    folder = stage_folder(config, "processing")
    write_parquet(folder / "segments.parquet", segments)
    arrays = np.random.default_rng(0).uniform(-80, 0, (len(segments), 128, 32)).astype(np.float32)
    np.save(folder / "log_mel.npy", arrays)
    noisy = arrays.copy()
    if spoil is not None:
        noisy[spoil, 3, 3] = np.nan
    np.save(folder / "log_mel_noisy.npy", noisy)
    finish_stage(config, _account("processing"), sorted(folder.glob("*.npy")))
    return segments


def _account(stage):
    return Report(stage=stage, unit="recording", n_in=30, n_out=30)


@pytest.mark.slow
def test_the_stage_leaves_a_folder_a_run_and_an_account_that_adds_up(demo_config):
    config = demo_config(*OPTIONS)
    segments = write_processing(config)
    report = neural_networks.run(config)
    assert report.n_in == report.n_out == 3
    assert report.figures["runs"] == ["table5_cnn50_256", "small_cnn", "small_cnn_crop"]
    folder = stage_folder(config, "neural_networks")
    for name in report.figures["runs"]:
        table = pd.read_parquet(folder / name / "predictions.parquet")
        of_segments = table[table["unit"] == "segment"]
        for _, of_seed in of_segments.groupby(["seed", "part"]):
            assert sorted(of_seed["id"]) == sorted(segments["segment_id"])
        assert set(zip(of_segments["seed"], of_segments["part"], strict=True)) == {
            (seed, part) for seed in range(2) for part in ("validation", "test")
        }
    outputs = read_json(folder / "report.json")["outputs"]
    assert set(outputs) == {
        "split.csv",
        *(f"{name}/predictions.parquet" for name in report.figures["runs"]),
    }


@pytest.mark.slow
def test_a_run_that_fails_is_told_and_the_others_go_on(demo_config):
    config = demo_config(*OPTIONS)
    segments = write_processing(config, spoil=5)
    report = neural_networks.run(config)
    # Only the study's network reads the noisy spectrograms.
    [failure] = report.dropped
    assert failure["id"] == "table5_cnn50_256"
    assert f"segment {segments['segment_id'][5]} holds NaN" in failure["reason"]
    assert report.figures["runs"] == ["small_cnn", "small_cnn_crop"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "error, reason",
    [
        (torch.OutOfMemoryError("out of memory.\nTried"), "OutOfMemoryError: out of memory."),
        (MemoryError(), "MemoryError"),
        (OSError(28, "No space left"), "OSError: [Errno 28] No space left"),
        (SafetensorError("header too large"), "SafetensorError: header too large"),
        (ValueError("0 rows"), "ValueError: 0 rows"),
    ],
)
def test_a_run_that_breaks_down_is_told_and_the_others_go_on(
    error, reason, demo_config, monkeypatch
):
    once = ("neural_networks.runs=small_cnn,small_cnn_crop", "neural_networks.n_seeds=1")
    config = demo_config(*OPTIONS, *once)
    write_processing(config)
    break_down(monkeypatch, "small_cnn", error)
    report = neural_networks.run(config)
    assert report.dropped == [{"id": "small_cnn", "reason": reason}]
    assert report.figures["runs"] == ["small_cnn_crop"]


def break_down(monkeypatch, name, error):
    """Let the run of this name raise the error; the others are performed."""

    def perform(training, *given):
        if training.run.name == name:
            raise error
        perform_run(training, *given)

    monkeypatch.setattr(out_of_fold, "perform_run", perform)


def test_runs_that_all_fail_are_one_clear_error(demo_config):
    config = demo_config(*OPTIONS, "neural_networks.runs=table5_cnn50_256")
    write_processing(config, spoil=5)
    with pytest.raises(InputError, match="table5_cnn50_256"):
        neural_networks.run(config)


@pytest.mark.slow
def test_finished_runs_are_kept_when_others_are_asked_for(demo_config):
    config = demo_config(*OPTIONS, "neural_networks.runs=small_cnn")
    write_processing(config)
    neural_networks.run(config)
    model = (
        stage_folder(config, "neural_networks")
        / "small_cnn"
        / "seed_0"
        / "fold_0"
        / "model.safetensors"
    )
    before = model.stat().st_mtime_ns
    both = demo_config(*OPTIONS, "neural_networks.runs=small_cnn,small_cnn_crop")
    assert neural_networks.run(both).figures["runs"] == ["small_cnn", "small_cnn_crop"]
    assert model.stat().st_mtime_ns == before
    other = demo_config(*OPTIONS, "neural_networks.runs=small_cnn", "seed=7")
    neural_networks.run(other)
    assert model.stat().st_mtime_ns != before


def test_a_corpus_without_segments_is_told(demo_config):
    config = demo_config(*OPTIONS)
    with pytest.raises(InputError, match="processing"):
        neural_networks.run(config)


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(demo_config, monkeypatch, tmp_path):
    config = demo_config(*OPTIONS, "neural_networks.runs=small_cnn")
    write_processing(config)
    neural_networks.run(config)
    folder = stage_folder(config, "neural_networks")
    undisturbed = {p.name: p.read_bytes() for p in (folder / "small_cnn").iterdir() if p.is_file()}
    stopped = demo_config(
        *OPTIONS, "neural_networks.runs=small_cnn", f'data_dir="{tmp_path}/stopped"'
    )
    write_processing(stopped)
    done = []

    def perform(training, *given):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(perform_run(training, *given))

    with monkeypatch.context() as patch:
        patch.setattr(out_of_fold, "perform_run", perform)
        with pytest.raises(KeyboardInterrupt):
            neural_networks.run(stopped)
    folder = stage_folder(stopped, "neural_networks")
    assert not (folder / "report.json").exists()
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("model.safetensors")}
    assert len(before) == 4
    neural_networks.run(stopped)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    for name, content in undisturbed.items():
        assert (folder / "small_cnn" / name).read_bytes() == content


@pytest.mark.slow
def test_two_processes_train_what_one_does(demo_config, tmp_path):
    one = demo_config(*OPTIONS, "neural_networks.runs=small_cnn")
    two = demo_config(
        *OPTIONS, "neural_networks.runs=small_cnn", "n_jobs=2", f'data_dir="{tmp_path}/two"'
    )
    for config in (one, two):
        write_processing(config)
        neural_networks.run(config)
    pair = [stage_folder(config, "neural_networks") / "small_cnn" for config in (one, two)]
    for name in ("seed_1/fold_2/model.safetensors", "predictions.parquet", "history.csv"):
        assert (pair[0] / name).read_bytes() == (pair[1] / name).read_bytes()


# --- measures of crops


WORDS = pd.DataFrame(
    {
        "recording_id": ["a"] * 5 + ["b"],
        "word_index": [0, 1, 2, 3, 4, 0],
        "word": ["Je", "mange", "une", "pomme", "rouge.", "Oui."],
        "start_s": [0.0, 0.9, 1.2, 1.6, 2.9, 1.0],
        "end_s": [0.5, 1.1, 1.5, 2.0, 3.4, 1.5],
        "probability": 0.9,
    }
)


def test_the_words_of_a_crop_lie_wholly_inside_and_their_times_begin_with_it():
    inside = words_in(WORDS, ("a", 1.0, 3.0))
    assert [word.word for word in inside] == ["une", "pomme"]
    np.testing.assert_allclose([word.start_s for word in inside], [0.2, 0.6])


@pytest.mark.slow
def test_measures_of_a_crop_follow_its_words_alone_and_are_kept(demo_config):
    config = demo_config()
    path = stage_folder(config, "processing") / "words.parquet"
    write_parquet(path, WORDS)
    windows = pd.DataFrame({"recording_id": ["b", "a"], "start_s": [0.0, 0.8], "end_s": [9.0, 2.8]})
    table = crop_measures(config, windows)
    assert list(table["recording_id"]) == ["b", "a"]
    [kept] = stage_folder(config, "neural_networks").glob("measures_crop.*.parquet")
    before = kept.stat().st_mtime_ns
    # Words outside the windows may change: nothing is measured again.
    outside = WORDS.replace({"word": {"Je": "Nous", "rouge.": "verte."}})
    write_parquet(path, outside)
    pd.testing.assert_frame_equal(crop_measures(config, windows), table)
    assert kept.stat().st_mtime_ns == before
    write_parquet(path, WORDS.replace({"word": {"pomme": "poire"}}))
    crop_measures(config, windows)
    [other] = stage_folder(config, "neural_networks").glob("measures_crop.*.parquet")
    assert other != kept
    # A damaged file is no table: it is measured again.
    other.write_bytes(other.read_bytes()[:-50])
    pd.testing.assert_frame_equal(crop_measures(config, windows), pd.read_parquet(other))
