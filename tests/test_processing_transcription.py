"""Whisper on real input, its guards, and the tidying of its word times."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoken_cefr.errors import InputError
from spoken_cefr.processing.transcription.engines import (
    FasterWhisper,
    Word,
    join_elisions,
    load_engine,
    tidy_words,
    without_repetition,
)
from spoken_cefr.processing.transcription.voice import unheard

pytestmark = pytest.mark.whisper

RATE = 16_000
SENTENCE = "La semaine prochaine, c'est la fête de mon école."


@pytest.fixture(scope="module")
def engine():
    return FasterWhisper("offline-base", compute_type="int8")


def test_french_speech_is_understood(engine, speech):
    result = engine.transcribe(speech, language="fr")
    assert result.text == SENTENCE
    assert [word.word for word in result.words] == SENTENCE.split()
    assert (result.language, result.engine, result.model) == (
        "fr",
        "faster-whisper",
        "offline-base",
    )
    assert -1 < result.avg_logprob < 0
    assert result.no_speech_prob < 0.5
    times = np.array([(word.start_s, word.end_s) for word in result.words])
    assert (np.diff(times.ravel()) >= 0).all()  # in order, without overlap
    assert (times[:, 1] > times[:, 0]).all()
    assert times[0, 0] >= 0
    assert times[-1, 1] <= len(speech) / RATE
    # The comma is a pause of more than 0.1 s: the times follow the sound.
    assert result.words[3].start_s - result.words[2].end_s > 0.1


@pytest.mark.parametrize("n", [1, 2])  # alone, and decoded together
def test_it_tells_how_far_it_is(engine, speech, n):
    told = []
    done = engine.transcribe_each([speech] * n, language="fr", told=lambda *at: told.append(at))
    assert len(list(done)) == n
    for index in range(n):
        half_s, end_s = (time_s for k, time_s in told if k == index)
        # Half of the stretch in which somebody speaks.
        assert half_s == pytest.approx(len(speech) / RATE / 2, abs=0.2)
        assert half_s < end_s <= len(speech) / RATE


@pytest.mark.parametrize("name", ["silence", "noise", "tone", "one sample"])
def test_without_speech_nothing_is_invented(engine, name):
    signal = {
        "silence": np.zeros(5 * RATE),
        "noise": 0.05 * np.random.default_rng(0).standard_normal(5 * RATE),
        "tone": 0.3 * np.sin(0.1 * np.arange(5 * RATE)),
        "one sample": np.ones(1),
    }[name]
    result = engine.transcribe(signal.astype(np.float32), language="fr")
    assert (result.text, result.words) == ("", [])
    assert result.avg_logprob is None
    assert result.remarks


def test_unknown_model_names_the_choices(demo_config):
    with pytest.raises(InputError, match=r"'huge'.*offline-base.*tiny"):
        load_engine(demo_config("processing.model=huge"))


def test_damaged_model_folder_is_one_sentence(demo_config, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_engine(demo_config(f"processing.model={tmp_path}"))


def test_model_by_name_without_internet_is_one_sentence(demo_config, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("faster_whisper.transcribe.download_model", _no_internet)
    with pytest.raises(InputError, match=r"tiny.*internet"):
        load_engine(demo_config("processing.model=tiny"))


def _no_internet(*_, **__):
    raise ConnectionError("no route to host")


def test_repeated_text_is_left_out():
    parts = [
        SimpleNamespace(seek=0, compression_ratio=1.4),
        SimpleNamespace(seek=3000, compression_ratio=5.0),
        SimpleNamespace(seek=3000, compression_ratio=5.0),
    ]
    kept, remarks = without_repetition(parts)
    assert kept == parts[:1]
    assert remarks == ["the text of 1 window(s) repeated itself and was left out"]
    assert without_repetition(parts[:1]) == (parts[:1], [])


def test_speech_without_a_word_is_told_of():
    words = [Word("un", 1.0, 1.5), Word("deux", 5.0, 5.5)]
    # Silence before, 3.5 s between the words, 2 s after them; then a stretch without any word.
    assert unheard([(0.5, 7.5), (9.0, 13.0)], words) == [(1.5, 5.0), (9.0, 13.0)]
    assert unheard([(0.5, 4.0)], words) == []
    assert unheard([], words) == []


def test_elisions_are_joined():
    raw = [Word(" j", 0.0, 0.1), Word("'habite", 0.1, 0.4), Word(" là", 0.4, 0.5)]
    raw += [Word("-bas", 0.5, 0.8), Word(" !", 0.8, 0.8)]
    assert join_elisions(raw) == [
        Word(" j'habite", 0.0, 0.4),
        Word(" là-bas", 0.4, 0.8),
        Word(" !", 0.8, 0.8),
    ]
    assert join_elisions([]) == []


def test_tidy_words_by_hand():
    words = [
        Word(" un", 0.0, 0.5),
        Word(" deux", 0.4, 0.8),  # begins before the one before ends
        Word(" trois", 0.8, 0.8),  # has no length
        Word(" quatre", 1.5, 2.3),  # passes the end
    ]
    assert tidy_words(words, 2.0) == (
        [
            Word("un", 0.0, 0.5),
            Word("deux", 0.5, 0.8),
            Word("trois", 0.8, 0.81),
            Word("quatre", 1.5, 2.0),
        ],
        3,
    )
    assert tidy_words([], 2.0) == ([], 0)
    at_the_end = [Word("a", 2.0, 2.0), Word("b", 2.0, 2.0)]
    assert tidy_words(at_the_end, 2.0)[0] == [Word("a", 1.98, 1.99), Word("b", 1.99, 2.0)]


@given(
    times=st.lists(st.tuples(st.floats(0, 12), st.floats(-0.5, 3)), max_size=40),
    duration_s=st.floats(0.2, 10),
)
@settings(max_examples=300, deadline=None)
def test_tidy_words_are_always_in_order_and_inside(times, duration_s):
    words = [Word(f"w{i}", start, start + length) for i, (start, length) in enumerate(times)]
    tidy, n_moved = tidy_words(words, duration_s)
    assert sorted(w.word for w in tidy) == sorted(w.word for w in words)
    flat = [time for word in tidy for time in (word.start_s, word.end_s)]
    assert flat == sorted(flat)
    assert all(word.start_s < word.end_s for word in tidy)
    assert not flat or (flat[0] >= 0 and flat[-1] <= duration_s)
    assert 0 <= n_moved <= len(words)
