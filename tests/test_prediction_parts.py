"""Which parts of a recording count, and what a batch leaves when it is killed."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prediction_helpers import make_bundle
from test_page import result as made_up_result

from spoken_cefr.errors import InputError
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.choice import load_model
from spoken_cefr.prediction.command import run
from spoken_cefr.prediction.listening import find_recordings
from spoken_cefr.prediction.parts import cut, edges, find_repeats, take_out, time_in_recording
from spoken_cefr.prediction.results_table import ResultsTable
from spoken_cefr.processing.audio import load_audio

RATE = 16_000
REPLICA = ROOT / "data" / "replica" / "audio"
TIMES = st.floats(0, 30).map(lambda t: round(t, 2))


@given(st.lists(st.tuples(TIMES, TIMES).map(sorted).map(tuple), max_size=5))
def test_what_is_cut_out_is_found_again_at_its_time(left_out):
    kept = take_out(left_out, 30.0)
    middles = np.arange(0.005, 30, 0.01)
    outside = [all(not a < t < b for a, b in left_out) for t in middles]
    assert [any(a < t < b for a, b in kept) for t in middles] == outside
    clock = np.arange(30 * 100, dtype=np.float32) / 100
    heard = cut(clock, kept, 100)
    for i in range(0, len(heard), 97):
        assert time_in_recording(i / 100 + 1e-6, kept) == pytest.approx(heard[i], abs=0.011)


def test_a_word_that_ends_where_a_part_ends_does_not_end_in_the_next():
    kept = [(0.0, 10.0), (50.0, 60.0)]
    assert time_in_recording(10.0, kept) == 50.0
    assert time_in_recording(10.0, kept, is_end=True) == 10.0
    assert time_in_recording(20.0, kept, is_end=True) == 60.0


@pytest.mark.parametrize(
    ("from_s", "to_s", "left_out"),
    [(None, None, []), (5, None, [(0, 5)]), (5, 20, [(0, 5), (20, 30)]), (None, 99, [])],
)
def test_edges_are_left_out_as_asked(from_s, to_s, left_out):
    assert edges(from_s, to_s, 30.0) == left_out


@pytest.mark.parametrize(("from_s", "to_s"), [(20, 10), (31, None), (-1, None), (float("nan"), 5)])
def test_an_empty_part_is_refused(from_s, to_s):
    with pytest.raises(InputError, match="--from"):
        edges(from_s, to_s, 30.0)


@pytest.fixture(scope="module")
def speech():
    return load_audio(REPLICA / "kermesse.mp3")[: 20 * RATE]


@pytest.mark.parametrize("plays", [1, 2, 3])
def test_what_is_played_again_is_found(speech, plays):
    rng = np.random.default_rng(0)
    gap = np.zeros(round(3.17 * RATE), np.float32)
    signal = np.concatenate([part for _ in range(plays) for part in (speech, gap)])
    # A room's noise, 30 dB below: no two plays are the same samples.
    signal += rng.normal(0, 0.03 * speech.std(), len(signal)).astype(np.float32)
    kept = take_out(find_repeats(signal), len(signal) / RATE)
    # All that is left is the first play, and silences.
    for start_s, end_s in kept:
        beyond = cut(signal, [(max(start_s, 21.5), max(end_s, 21.5))])
        assert np.sum(np.abs(beyond) > 0.3 * speech.std()) < 1.5 * RATE
    assert kept[0][0] == 0
    assert kept[0][1] == pytest.approx(len(signal) / RATE if plays == 1 else 23.17, abs=1.5)


def test_another_recording_of_the_same_voice_is_no_repeat(speech):
    whole = load_audio(REPLICA / "kermesse.mp3")
    hum = 0.3 * np.sin(2 * np.pi * 50 * np.arange(len(whole)) / RATE).astype(np.float32)
    assert find_repeats(whole) == []
    assert find_repeats(whole + hum) == []
    assert find_repeats(speech[:RATE]) == []


@pytest.mark.parametrize("address", ["https://example.org/a.mp3", "http://x/a", "s3://b/a.wav"])
def test_an_address_is_refused_with_what_to_do(address):
    with pytest.raises(InputError, match=r"address: download"):
        find_recordings([address])


@pytest.fixture
def card(tmp_path):
    return load_model(make_bundle(tmp_path / "bundle")).card


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def result_of(card, name):
    made_up = made_up_result(file=name)
    return made_up | {"model": made_up["model"] | {"name": card.name}}


def test_a_killed_batch_goes_on_where_it_was(card, tmp_path):
    path = tmp_path / "levels.csv"
    with ResultsTable(str(path), card, resume=False) as table:
        table.add(result_of(card, "a.mp3"))
        table.add({"file": "b.mp3", "error": "b.mp3 is missing"})
        table.add(result_of(card, "=c.mp3"))
        assert [row["file"] for row in rows_of(path)] == ["a.mp3", "b.mp3", "'=c.mp3"]
    whole = path.read_bytes()
    path.write_bytes(whole + b"d.mp3,,12.0,A1,1.")  # killed here
    with ResultsTable(str(path), card, resume=True) as table:
        assert table.done == {"a.mp3", "=c.mp3"}  # what failed is tried again
        table.add(result_of(card, "d.mp3"))
    rows = rows_of(path)
    assert [row["file"] for row in rows] == ["a.mp3", "'=c.mp3", "d.mp3"]
    assert {row["score"] for row in rows} == {str(made_up_result()["score"])}


def test_without_resume_the_table_begins_anew(card, tmp_path):
    path = tmp_path / "levels.csv"
    for name in ("a.mp3", "b.mp3"):
        with ResultsTable(str(path), card, resume=False) as table:
            table.add(result_of(card, name))
    assert [row["file"] for row in rows_of(path)] == ["b.mp3"]


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "\x00", b"\xff\xfe"])
def test_what_is_no_such_table_is_not_gone_on_with(card, tmp_path, content):
    path = tmp_path / "other.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"other\.csv"):
        ResultsTable(str(path), card, resume=True)
    assert path.read_bytes() == before


def test_another_model_s_table_is_not_gone_on_with(card, tmp_path):
    path = tmp_path / "levels.csv"
    with ResultsTable(str(path), card, resume=False) as table:
        table.add(made_up_result(file="a.mp3"))
    with pytest.raises(InputError, match="another model"):
        ResultsTable(str(path), card, resume=True)


def test_resume_needs_a_table():
    with pytest.raises(InputError, match="--csv"):
        run(["a.mp3"], model=None, profile=None, as_json=False, csv=None, resume=True)
