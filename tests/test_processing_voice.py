"""The words' times held against the sound."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoken_cefr.measures.fluency import fluency_measures
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.audio import load_audio
from spoken_cefr.processing.transcription.voice import (
    cut_to_voice,
    edge_sounds,
    find_voice,
    heard_span,
    joined,
)
from spoken_cefr.processing.transcription.words import Word

RATE = 16_000
REPLICA = ROOT / "data" / "replica" / "audio"
VOICE_S = [(1.0, 2.0), (3.0, 4.0)]
ASSERTED = 1e-5  # a hundred times what the last digits of float32 sums come to


def times(words):
    return [(word.start_s, word.end_s) for word in words]


@pytest.mark.parametrize(
    ("heard", "cut"),
    [
        ([(0.0, 1.5), (1.5, 2.0)], [(1.0, 1.5), (1.5, 2.0)]),  # begins in the silence before
        ([(1.0, 2.9)], [(1.0, 2.0)]),  # lasts into the pause
        ([(1.9, 4.0)], [(3.0, 4.0)]),  # reaches over the pause: most of it lies behind
        ([(1.1, 1.7)], [(1.0, 2.0)]),  # too short for the voice around it
        ([(1.0, 1.2), (1.8, 2.0)], [(1.0, 1.2), (1.8, 2.0)]),  # 0.6 s of a word not heard
        ([(1.0, 1.4), (1.5, 2.0)], [(1.0, 1.5), (1.5, 2.0)]),
        ([(5.0, 5.5)], [(5.0, 5.5)]),  # where no voice was found
        ([], []),
    ],
)
def test_a_word_lasts_while_somebody_speaks(heard, cut):
    words = [Word("mot", start_s, end_s, 0.9) for start_s, end_s in heard]
    assert times(cut_to_voice(words, VOICE_S)) == cut


@given(st.lists(st.tuples(st.floats(0.02, 2), st.floats(0.02, 2)), max_size=12), st.integers(0, 9))
def test_cut_words_are_in_order_and_stay_inside_their_turn(steps, seed):
    edges = np.cumsum([0.0, *(step for pair in steps for step in pair)])
    voice_s = list(zip(edges[1::2].tolist(), edges[2::2].tolist(), strict=True))
    rng = np.random.default_rng(seed)
    borders = np.sort(rng.uniform(0, edges[-1] + 1, 8))
    words = [Word("mot", a, b) for a, b in zip(borders[::2], borders[1::2], strict=True)]
    cut = cut_to_voice(words, voice_s)
    turns = joined(voice_s, gap_s=0.25)
    for before, after in zip(words, cut, strict=True):
        assert after.end_s >= after.start_s
        inside = any(a - 1e-9 <= after.start_s and after.end_s <= b + 1e-9 for a, b in turns)
        assert inside or after == before
    placed = [word for word in cut if any(a <= word.start_s and word.end_s <= b for a, b in turns)]
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(placed))


def test_a_pause_is_as_long_as_nobody_speaks_whatever_whisper_says():
    sloppy = [Word("un", 0.4, 2.6), Word("mot", 2.9, 3.9)]
    measures = fluency_measures(cut_to_voice(sloppy, VOICE_S))
    assert measures["pause_length_s"] == pytest.approx(1.0)
    assert measures["pause_share"] == pytest.approx(1 / 3)


def test_stretches_nearer_than_the_gap_are_one():
    assert joined([(0, 1), (1.2, 2), (3, 4)], gap_s=0.25) == [(0, 2), (3, 4)]
    assert joined([], gap_s=1.0) == []


@pytest.fixture(scope="module")
def speech():
    return load_audio(REPLICA / "kermesse.mp3")[: 12 * RATE]


def test_the_voice_is_found_where_it_was_put(speech):
    alone = find_voice(speech)
    moved = find_voice(np.concatenate([np.zeros(5 * RATE, np.float32), speech]))
    assert len(moved) == len(alone)
    # To within two frames of the detector, which remembers what it heard before.
    np.testing.assert_allclose(np.array(moved) - 5.0, alone, atol=0.07)
    assert find_voice(np.zeros(RATE, np.float32)) == []


def test_only_loud_edges_are_told(speech):
    quiet = np.zeros(5 * RATE, np.float32)
    music = 0.2 * np.sin(2 * np.pi * 440 * np.arange(5 * RATE) / RATE).astype(np.float32)
    for edge, n_told in ((quiet, 0), (music, 1)):
        signal = np.concatenate([edge, speech])
        voice_s = [(a + 5.0, b + 5.0) for a, b in find_voice(speech)]
        assert len(edge_sounds(signal, voice_s)) == n_told
        assert heard_span(voice_s, len(signal) / RATE)[0] == pytest.approx(5.0, abs=0.6)


@pytest.mark.slow
def test_no_border_of_the_voice_hangs_on_last_digits():
    # On other processors the detector's sums differ in their last digits. No frame of these
    # recordings has a probability so near to a threshold that this could matter.
    from faster_whisper.vad import VadOptions, get_vad_model

    threshold = VadOptions().threshold
    nearest = []
    for path in sorted(REPLICA.glob("*.mp3"))[:12]:
        signal = load_audio(path)
        padded = np.pad(signal, (0, 512 - len(signal) % 512))
        p = get_vad_model()(padded).ravel()
        nearest.append(min(np.abs(p - t).min() for t in (threshold, threshold - 0.15)))
    assert min(nearest) > ASSERTED
