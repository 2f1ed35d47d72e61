"""The bar of the transcription counts seconds of audio and ends where they end."""

import contextlib
import threading

import numpy as np
import pytest
from test_backends import on_cluster
from test_processing_stage import write_corpus

from spoken_cefr.corpus.metadata import read_metadata
from spoken_cefr.processing import stage
from spoken_cefr.processing.stage import transcribe_all
from spoken_cefr.processing.transcription.engines import SAMPLE_RATE, Transcript
from spoken_cefr.progress import AudioBar


@pytest.fixture
def seen(monkeypatch):
    """Every step of every bar, in seconds, and the bars."""
    steps, bars = [], []

    class Watched(AudioBar):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            bars.append(self._bar)
            update = self._bar.update
            self._bar.update = lambda n: (steps.append(n), update(n))

    monkeypatch.setattr(stage, "AudioBar", Watched)
    return steps, bars


class TellingEngine:
    """Hears half of each signal, tells so, and then all of it; nobody speaks."""

    at_once = 2

    def transcribe_each(self, signals, *, language, told):
        for index, signal in enumerate(signals):
            told(index, len(signal) / SAMPLE_RATE / 2)
        for index in range(len(signals)):
            yield index, Transcript("", [], language, "test", "test", None, 1.0)


def long_corpus(config, n=5, duration_s=8.0):
    """The table of n recordings of this length, and the signal of each."""
    folder = config.data_path / "scraping"
    write_corpus(folder, bad=False)
    table = read_metadata(folder / "metadata.csv").query("recording_id == 'good_noise'")
    rng = np.random.default_rng(0)
    signal = (0.1 * rng.standard_normal(int(duration_s * SAMPLE_RATE))).astype(np.float32)
    rows = table.loc[table.index.repeat(n)].reset_index(drop=True)
    rows["recording_id"] = [f"noise_{i}" for i in range(n)]
    rows["duration_s"] = duration_s
    return rows, signal


@pytest.mark.parametrize("backend", ["joblib", pytest.param("dask", marks=pytest.mark.slow)])
def test_the_bar_moves_by_seconds_and_ends_at_the_sum_of_the_lengths(
    backend, demo_config, seen, monkeypatch
):
    steps, bars = seen
    config = demo_config("n_jobs=1")
    rows, signal = long_corpus(config)
    monkeypatch.setattr(stage, "load_engine", lambda config: TellingEngine())
    monkeypatch.setattr(stage, "load_speech", lambda path, longest_s: signal)
    with contextlib.ExitStack() as stack:
        if backend == "dask":
            import dask
            from distributed import LocalCluster

            folder = {"temporary-directory": str(demo_config().data_path)}
            stack.enter_context(dask.config.set(folder))
            options = {"n_workers": 1, "threads_per_worker": 1, "processes": False}
            cluster = stack.enter_context(LocalCluster(dashboard_address=":0", **options))
            config = demo_config(*on_cluster(cluster.scheduler_address))
        records, dropped = transcribe_all(config, rows)
    assert (len(records), dropped) == (5, [])
    (bar,) = bars
    assert (bar.n, bar.total, bar.unit.strip()) == (40, 40, "s of audio")
    # In threads the first half is told within a batch; a cluster's workers cannot reach the bar.
    assert steps == ([4, 4, 4, 4] * 2 + [4, 4] if backend == "joblib" else [8] * 5)


def test_a_recording_that_cannot_be_used_counts_as_done(demo_config, seen, monkeypatch):
    _, bars = seen
    config = demo_config("n_jobs=1")
    rows, _ = long_corpus(config, n=2)
    rows["sha256"] = ""
    rows["file_name"] = "audio/nothing.mp3"
    (config.data_path / "scraping" / "audio" / "nothing.mp3").write_bytes(b"<html>")
    monkeypatch.setattr(stage, "load_engine", lambda config: TellingEngine())
    _, dropped = transcribe_all(config, rows)
    assert len(dropped) == 2
    assert [(bar.n, bar.total) for bar in bars] == [(16, 16)]


def test_what_was_told_already_moves_nothing_and_nothing_passes_the_end():
    with AudioBar({"a": 10.4, "b": 0.2}, desc="x") as bar:
        told = []
        for name, time_s in (("a", 3.9), ("a", 2.0), ("a", 99.0), ("a", None), ("b", 0.1)):
            bar.reach(name, time_s)
            told.append(bar._bar.n)
        assert told == [3, 3, 10, 10, 10]
        bar.reach("b")
        assert (bar._bar.n, bar._bar.total) == (11, 11)


def test_threads_do_not_lose_a_second():
    names = {str(i): 50.0 for i in range(8)}

    def work(bar, name):
        for time_s in range(51):
            bar.reach(name, time_s)

    with AudioBar(names, desc="x") as bar:
        threads = [threading.Thread(target=work, args=(bar, name)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bar._bar.n == 400
