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
from spoken_cefr.neural_networks.runs import select_runs
from spoken_cefr.neural_networks.training.performing import perform_run
from spoken_cefr.processing.transcription.words import Word
from spoken_cefr.stages import Report, finish_stage, stage_folder
from spoken_cefr.store import read_json, write_csv, write_parquet

# Runs that need neither weights nor a French text.
RUNS = "neural_networks.runs=table5_cnn50_256,small_cnn,small_cnn_crop"
OPTIONS = [
    RUNS,
    "neural_networks.epochs=1",
    "neural_networks.n_folds=3",
    "neural_networks.n_seeds=1",
    "n_jobs=1",
]
SMALL = "neural_networks.runs=small_cnn"


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


@pytest.fixture
def prepared(demo_config, tmp_path):
    """Call it with overrides: a profile of which processing is done."""

    def prepare(*overrides, folder="data", spoil=None):
        place = f'data_dir="{tmp_path.as_posix()}/{folder}"'
        config = demo_config(*OPTIONS, place, *overrides)
        write_processing(config, spoil=spoil)
        return config

    return prepare


@pytest.mark.slow
def test_the_stage_leaves_a_folder_a_run_and_an_account_that_adds_up(prepared):
    config = prepared("neural_networks.n_seeds=2")
    report = neural_networks.run(config)
    assert report.n_in == report.n_out == 3
    assert report.figures["runs"] == ["table5_cnn50_256", "small_cnn", "small_cnn_crop"]
    segments = pd.read_parquet(stage_folder(config, "processing") / "segments.parquet")
    folder = stage_folder(config, "neural_networks")
    for name in report.figures["runs"]:
        table = pd.read_parquet(folder / name / "predictions.parquet").query("unit == 'segment'")
        answers = dict(list(table.groupby(["seed", "part"])["id"]))
        assert answers.keys() == {(s, part) for s in range(2) for part in ("validation", "test")}
        assert all(sorted(ids) == sorted(segments["segment_id"]) for ids in answers.values())
    predictions = {f"{name}/predictions.parquet" for name in report.figures["runs"]}
    assert set(read_json(folder / "report.json")["outputs"]) == {"split.csv"} | predictions


ERRORS = [
    torch.OutOfMemoryError("out of memory.\nTried to allocate"),
    MemoryError(),
    OSError(28, "No space left"),
    SafetensorError("header too large"),
    ValueError("0 rows"),
]


@pytest.mark.slow
def test_whatever_breaks_a_run_down_is_told_and_the_others_go_on(prepared, monkeypatch):
    images = [run.name for run in select_runs("paper") if run.inputs == "image"]
    broken = dict(zip([*images, "small_cnn"], ERRORS, strict=True))

    def perform(training, *given):
        if training.run.name in broken:
            raise broken[training.run.name]
        perform_run(training, *given)

    monkeypatch.setattr(out_of_fold, "perform_run", perform)
    config = prepared(f"neural_networks.runs={','.join(broken)},small_cnn_crop")
    report = neural_networks.run(config)
    assert report.figures["runs"] == ["small_cnn_crop"]
    reasons = {row["id"]: row["reason"] for row in report.dropped}
    assert reasons.keys() == broken.keys()
    for name, error in broken.items():
        assert reasons[name].startswith(type(error).__name__) and "\n" not in reasons[name]


def test_runs_that_all_fail_are_one_clear_error(prepared):
    with pytest.raises(InputError, match="table5_cnn50_256"):
        neural_networks.run(prepared("neural_networks.runs=table5_cnn50_256", spoil=5))


def test_a_corpus_without_segments_is_told(demo_config):
    with pytest.raises(InputError, match="processing"):
        neural_networks.run(demo_config(*OPTIONS))


@pytest.mark.slow
def test_finished_runs_are_kept_when_others_are_asked_for(prepared, demo_config):
    config = prepared(SMALL)
    neural_networks.run(config)
    fold = stage_folder(config, "neural_networks") / "small_cnn" / "seed_0" / "fold_0"
    model = fold / "model.safetensors"
    before = model.stat().st_mtime_ns
    both = demo_config(*OPTIONS, "neural_networks.runs=small_cnn,small_cnn_crop")
    assert neural_networks.run(both).figures["runs"] == ["small_cnn", "small_cnn_crop"]
    assert model.stat().st_mtime_ns == before
    neural_networks.run(demo_config(*OPTIONS, SMALL, "seed=7"))
    assert model.stat().st_mtime_ns != before


def bytes_of_run(config):
    folder = stage_folder(config, "neural_networks") / "small_cnn"
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "config.json"
    }


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(prepared, monkeypatch):
    undisturbed, stopped = prepared(SMALL), prepared(SMALL, folder="stopped")
    neural_networks.run(undisturbed)
    done = []

    def perform(training, *given):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(perform_run(training, *given))

    with monkeypatch.context() as patch:
        patch.setattr(out_of_fold, "perform_run", perform)
        with pytest.raises(KeyboardInterrupt):
            neural_networks.run(stopped)
    folder = stage_folder(stopped, "neural_networks")
    assert not (folder / "report.json").exists()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("model.safetensors")}
    assert len(before) == 2
    neural_networks.run(stopped)
    trained = {path: path.stat().st_mtime_ns for path in before}
    assert trained == before
    assert bytes_of_run(stopped) == bytes_of_run(undisturbed)


@pytest.mark.slow
def test_two_processes_train_what_one_does(prepared):
    one, two = prepared(SMALL), prepared(SMALL, "n_jobs=2", folder="two")
    for config in (one, two):
        neural_networks.run(config)
    assert bytes_of_run(one) == bytes_of_run(two)


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
    rows = WORDS[WORDS["recording_id"] == "a"][list(Word._fields)]
    inside = words_in([Word(*row) for row in rows.itertuples(index=False)], 1.0, 3.0)
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
