"""The stage on a few short recordings, good and bad, and after a kill."""

import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile

from spoken_cefr.corpus.metadata import COLUMNS
from spoken_cefr.errors import InputError
from spoken_cefr.paths import ROOT
from spoken_cefr.processing import run, stage
from spoken_cefr.processing.alignment.textgrid import read_intervals
from spoken_cefr.processing.stage import load_arrays
from spoken_cefr.processing.transcription.engines import Transcript
from spoken_cefr.stages import fingerprint, is_done, stage_folder
from spoken_cefr.store import read_json, sha256_of

pytestmark = pytest.mark.whisper

SPEECH = ROOT / "tests" / "audio" / "kermesse.mp3"
BAD = {
    "bad_changed": "has changed since scraping",
    "bad_cut": "is cut short",
    "bad_long": "lasts 40.0 minutes; at most 30 are taken",
    "bad_missing": "is missing",
    "bad_nan": "not numbers",
    "bad_short": "lasts 0.100 s",
    "bad_silent": "is silent",
    "bad_text": "not audio",
    "bad_zero": "empty file",
    "left_out": "level C2",
}


def write_corpus(folder, *, bad=True):
    """Two recordings of speech and one of noise; with all kinds of bad ones among them."""
    audio = folder / "audio"
    audio.mkdir(parents=True)
    speech = SPEECH.read_bytes()
    contents = {"good_1": speech, "good_2": speech}
    if bad:
        contents |= {
            "bad_changed": speech,
            "bad_cut": speech[:9000],
            "bad_text": b"<html></html>\n" * 500,
            "bad_zero": b"",
        }
    for name, data in contents.items():
        (audio / f"{name}.mp3").write_bytes(data)
    rng = np.random.default_rng(0)
    signals = {"good_noise": 0.05 * rng.standard_normal(13_000)}
    if bad:
        signals |= {
            "bad_nan": np.full(16_000, np.nan),
            "bad_short": 0.05 * rng.standard_normal(1600),
            "bad_silent": np.zeros(32_000),
        }
    for name, signal in signals.items():
        with (audio / f"{name}.mp3").open("wb") as file:  # wrong suffix: content decides
            soundfile.write(file, signal, 16_000, format="WAV", subtype="FLOAT")
    if bad:
        with (audio / "bad_long.mp3").open("wb") as file:
            soundfile.write(file, np.zeros(40 * 60 * 8000, dtype=np.int16), 8000, format="FLAC")
    names = sorted([*contents, *signals, *(("bad_long", "bad_missing", "left_out") if bad else ())])
    rows = [_row(audio, name) for name in names]
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(folder / "metadata.csv", index=False)


def _row(audio, name):
    path = audio / f"{name}.mp3"
    usable = name != "left_out"
    return dict.fromkeys(COLUMNS, "") | {
        "recording_id": name,
        "file_name": f"audio/{name}.mp3" if usable else "",
        "speaker_id": "speaker",
        "level": "A2" if usable else "C2",
        "sha256": "0" * 64 if name == "bad_changed" else sha256_of(path) if path.exists() else "",
        "usable": usable,
        "reason": "" if usable else "level C2",
    }


def keep_rows(folder, wanted):
    path = folder / "scraping" / "metadata.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table[table["recording_id"].map(wanted)].to_csv(path, index=False)


def results(config):
    """SHA-256 of everything that the stage wrote, but for config.json (it holds the path)."""
    folder = stage_folder(config, "processing")
    return {
        path.relative_to(folder).as_posix(): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "config.json"
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The corpus processed once; copy it before changing anything."""
    from spoken_cefr.config import load_config

    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder / "scraping")
    config = load_config("demo", [f'data_dir="{folder.as_posix()}"'])
    return config, run(config)


@pytest.fixture
def copied(corpus, tmp_path):
    """The data folder of that corpus once more, to change; its path."""
    return shutil.copytree(corpus[0].data_path, tmp_path / "data")


def test_counts_add_up_and_every_reason_names_the_file(corpus):
    config, report = corpus
    assert (report.n_in, report.n_out) == (13, 3)
    reasons = {row["id"]: row["reason"] for row in report.dropped}
    assert reasons.keys() == BAD.keys()
    for name, reason in BAD.items():
        assert reason in reasons[name]
        assert name == "left_out" or f"audio/{name}.mp3" in reasons[name]
        assert str(config.data_path) not in reasons[name]  # no path of this machine
    remarks = [row["reason"] for row in report.remarks if row["id"] == "good_noise"]
    assert remarks == [
        "no speech was detected: empty text",
        "no word was recognised",
        "shorter than one segment: padded with zeros",
    ]
    assert report.figures["n_segments"] == 4 + 1 + 4
    assert report.figures["n_words"] == 18


def test_tables_fit_together(corpus):
    config, _ = corpus
    folder = stage_folder(config, "processing")
    transcripts = pd.read_parquet(folder / "transcripts.parquet")
    words = pd.read_parquet(folder / "words.parquet")
    segments = pd.read_parquet(folder / "segments.parquet")
    assert list(transcripts["recording_id"]) == ["good_1", "good_2", "good_noise"]
    assert list(transcripts["text"]) == [
        "La semaine prochaine, c'est la fête de mon école."
    ] * 2 + [""]
    assert set(words["source"]) == {"whisper"}
    for row in transcripts.itertuples():
        own = words[words["recording_id"] == row.recording_id]
        assert " ".join(own["word"]) == row.text
        assert list(own["word_index"]) == list(range(len(own)))
        grid = read_intervals(folder / "textgrids" / f"{row.recording_id}.TextGrid")
        grid = [word[:3] for word in grid]
        assert grid == list(own[["word", "start_s", "end_s"]].itertuples(index=False, name=None))
    assert segments["segment_id"].is_unique
    assert segments["segment_id"].is_monotonic_increasing
    assert segments["text"].iloc[0] == "La semaine"


def test_arrays_are_in_the_order_of_the_segments(corpus):
    config, _ = corpus
    clean, noisy = load_arrays(config)
    assert clean.shape == noisy.shape == (9, 128, 32)
    assert clean.dtype == np.float32
    np.testing.assert_array_equal(clean[:4], clean[4:8])  # twice the same recording
    assert (noisy[:4] != noisy[4:8]).any()  # each recording has noise of its own
    assert noisy[:4].mean() > clean[:4].mean() + 1
    with pytest.raises(ValueError, match="read-only"):
        clean[0] = 0


def test_second_run_does_nothing(corpus, monkeypatch):
    config, report = corpus
    assert is_done(config, "processing")
    monkeypatch.setattr(stage, "load_engine", None)
    assert run(config) == report


def test_changed_overlap_keeps_the_transcripts(copied, demo_config, monkeypatch):
    keep_rows(copied, lambda name: name.startswith("good"))  # bad ones are tried again
    monkeypatch.setattr(stage, "load_engine", None)  # would fail if it were needed
    report = run(demo_config("processing.overlap=0.5", "n_jobs=1"))
    assert report.figures["n_segments"] == 7 + 1 + 7


def test_remarks_are_of_this_profile_and_not_of_the_one_that_transcribed(copied, demo_config):
    report = run(demo_config("processing.segment_s=0.5"))  # the noise lasts 0.8 s
    assert not any("shorter than one segment" in row["reason"] for row in report.remarks)


def test_a_lower_limit_leaves_out_what_was_kept_as_a_fresh_run_does(copied, demo_config, tmp_path):
    keep_rows(copied, lambda name: name.startswith("good"))
    shutil.copytree(copied / "scraping", tmp_path / "fresh" / "scraping")
    # Speech lasts 3.7 s, the noise 0.8 s.
    kept = run(demo_config("processing.max_duration_s=3.0"))
    assert [row["id"] for row in kept.dropped] == ["good_1", "good_2"]
    fresh = demo_config("processing.max_duration_s=3.0", f'data_dir="{tmp_path.as_posix()}/fresh"')
    assert run(fresh) == kept
    assert results(fresh) == results(demo_config())


def test_strict_stops_at_the_first_also_after_a_run_that_left_it_out(copied, demo_config):
    with pytest.raises(InputError, match=r"bad_changed\.mp3 has changed"):
        run(demo_config("processing.strict=true"))


def test_strict_transcribes_nothing_beside_a_bad_file(demo_config, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "scraping"
    write_corpus(folder)
    shutil.copy(folder / "audio" / "bad_silent.mp3", folder / "audio" / "good_2.mp3")
    keep_rows(tmp_path / "data", lambda name: name.startswith("good"))
    table = pd.read_csv(folder / "metadata.csv", dtype=str, keep_default_na=False)
    table.assign(sha256="").to_csv(folder / "metadata.csv", index=False)
    engine = SimpleNamespace(at_once=16, transcribe_each=None)  # would fail if it were called
    monkeypatch.setattr(stage, "load_engine", lambda config: engine)
    with pytest.raises(InputError, match=r"good_2\.mp3 is silent"):
        run(demo_config("processing.strict=true", "n_jobs=1"))


@pytest.mark.parametrize(
    "override",
    [
        "processing.accept_terms=true",
        "processing.webmaus_delay_s=3",
        "processing.webmaus_timeout_s=30",
        "processing.strict=true",
    ],
)
def test_how_a_service_is_asked_is_no_reason_to_do_it_again(demo_config, override):
    same = fingerprint(demo_config(override), "processing") == fingerprint(
        demo_config(), "processing"
    )
    assert same == ("strict" not in override)  # strict has something to say of a finished run


KILLED = """
import os, signal, sys
from spoken_cefr.config import load_config
from spoken_cefr.processing import run, stage
real, calls = stage.{function}, []
def killed(*args):
    calls.append(args)
    if len(calls) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args)
stage.{function} = killed
run(load_config("demo", ["n_jobs=1", "data_dir=" + repr(sys.argv[1])]))
"""


@pytest.mark.parametrize(
    ("function", "call"), [("process_recording", 2), ("recording_spectrograms", 3)]
)
def test_killed_run_goes_on_to_the_same_bytes(corpus, demo_config, tmp_path, function, call):
    shutil.copytree(corpus[0].data_path / "scraping", tmp_path / "data" / "scraping")
    script = KILLED.format(function=function, call=call)
    command = [sys.executable, "-c", script, str(tmp_path / "data")]
    assert subprocess.run(command, capture_output=True).returncode == -9
    config = demo_config("n_jobs=2")
    assert not is_done(config, "processing")
    run(config)
    assert results(config) == results(corpus[0])


class DyingEngine:
    """Transcribes the last recording of a batch first, and dies at the one after it."""

    at_once = 16

    def transcribe_each(self, signals, *, language, told=None):
        yield len(signals) - 1, Transcript("", [], language, "test", "test", None, 1.0)
        raise KeyboardInterrupt


def test_a_run_that_is_stopped_within_a_batch_keeps_what_was_done(
    demo_config, tmp_path, monkeypatch
):
    write_corpus(tmp_path / "data" / "scraping", bad=False)
    monkeypatch.setattr(stage, "load_engine", lambda config: DyingEngine())
    with pytest.raises(KeyboardInterrupt):
        run(demo_config("n_jobs=1"))
    (kept,) = (tmp_path / "data" / "processing" / "recordings").iterdir()
    assert kept.name == "good_noise.json"
    assert read_json(kept)["alignment"]["source"] == "whisper"


def test_recordings_that_went_away_are_forgotten(copied, demo_config):
    keep_rows(copied, lambda name: name != "good_2")
    config = demo_config("processing.noise_ratio=0.1")
    assert run(config).n_out == 2
    assert not any("good_2" in name for name in results(config))
    report = read_json(stage_folder(config, "processing") / "report.json")
    assert set(report["outputs"]) == {*stage.TABLES, *stage.ARRAYS}


def test_nothing_to_process_is_one_sentence(demo_config, tmp_path):
    with pytest.raises(InputError, match=r"metadata\.csv is missing"):
        run(demo_config())
    write_corpus(tmp_path / "data" / "scraping", bad=False)
    for path in (tmp_path / "data" / "scraping" / "audio").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="none of the 3 recordings"):
        run(demo_config())


def test_language_that_whisper_does_not_know(demo_config, tmp_path):
    write_corpus(tmp_path / "data" / "scraping", bad=False)
    with pytest.raises(InputError, match="Corse"):
        run(demo_config("scraping.language=co"))
