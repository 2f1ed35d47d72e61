"""The audio chain against librosa, torch and its own promises."""

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spoken_cefr.paths import ROOT
from spoken_cefr.processing.audio import (
    add_white_noise,
    hann,
    load_audio,
    log_mel,
    segment,
    segment_count,
    to_image,
)

RATE = 16_000
SPEECH = ROOT / "tests" / "audio" / "kermesse.mp3"


def librosa_log_mel(samples, *, sample_rate=RATE, n_fft=1024, hop_length=512, n_mels=128):
    mel = librosa.feature.melspectrogram(
        y=samples, sr=sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels
    )
    return librosa.power_to_db(mel, ref=np.max)


TIME_S = np.arange(2 * RATE) / RATE
NOISE = np.random.default_rng(1).standard_normal(2 * RATE)
CLICKS = np.isin(np.arange(2 * RATE), [0, 5000, 15_999, 16_000, 31_999])
# Two seconds each of what a recording may hold.
SIGNALS = {
    "speech": load_audio(SPEECH)[: 2 * RATE],
    "noise": 0.1 * NOISE,
    "faint noise": 1e-4 * NOISE,
    "silence": np.zeros(2 * RATE),
    "silence, then noise": np.where(TIME_S < 1, 0, NOISE),
    "clicks": CLICKS,
    "full-scale sine": np.sin(2 * np.pi * 440 * TIME_S),
    "full-scale square": np.sign(np.sin(2 * np.pi * 100.5 * TIME_S)),
    "full-scale noise": np.random.default_rng(1).uniform(-1, 1, 2 * RATE),
    "direct current": np.ones(2 * RATE),
    "chirp": np.sin(2 * np.pi * 2000 * TIME_S**2),
}


@pytest.mark.parametrize("window", [True, False], ids=["double window", "one window"])
@pytest.mark.parametrize("name", SIGNALS)
def test_log_mel_is_librosa_on_each_segment(name, window):
    segments = segment(SIGNALS[name].astype(np.float32), RATE)
    expected = [librosa_log_mel(row) for row in (hann(segments) if window else segments)]
    result = log_mel(segments, RATE, segment_window=window)
    assert result.shape == (3, 128, 32)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=0.01)


@pytest.mark.parametrize(
    "options",
    [
        {"n_fft": 512, "hop_length": 160, "n_mels": 40},
        {"n_fft": 2048, "hop_length": 512, "n_mels": 128},
        {"n_fft": 1024, "hop_length": 1024, "n_mels": 5},
        {"n_fft": 400, "hop_length": 300, "n_mels": 64},
    ],
    ids=str,
)
@pytest.mark.parametrize("n_samples", [1600, 16_000, 8001])
@pytest.mark.filterwarnings("ignore:n_fft=.* is too large:UserWarning")  # librosa, on 1600 samples
@pytest.mark.filterwarnings("ignore:Empty filters detected:UserWarning")  # 64 bands of 400 points
def test_log_mel_is_librosa_with_other_parameters(options, n_samples):
    segments = np.random.default_rng(1).standard_normal((3, n_samples)).astype(np.float32)
    expected = [librosa_log_mel(row, **options) for row in segments]
    result = log_mel(segments, RATE, segment_window=False, **options)
    np.testing.assert_allclose(result, expected, atol=0.01)


def test_log_mel_does_not_depend_on_the_number_of_segments():
    segments = np.random.default_rng(1).standard_normal((21, RATE)).astype(np.float32)
    whole = log_mel(segments, RATE)
    # A product of other size may add up in another order on some processors.
    np.testing.assert_allclose(whole[20], log_mel(segments[20:], RATE)[0], atol=1e-3)
    assert log_mel(segments[:0], RATE).shape == (0, 128, 32)


@given(scale=st.floats(0.05, 20.0))
@settings(max_examples=20, deadline=None)
def test_log_mel_does_not_depend_on_loudness(scale):
    segments = load_audio(SPEECH)[None, 8000:24_000]
    louder = (segments * np.float32(scale)).astype(np.float32)
    # Only faint points may differ: librosa's floor of 1e-10 is absolute.
    np.testing.assert_allclose(log_mel(louder, RATE), log_mel(segments, RATE), atol=0.01)


@given(
    n_samples=st.integers(1, 5000),
    length_s=st.floats(0.001, 0.2),
    overlap=st.floats(0, 0.95),
)
@settings(max_examples=150, deadline=None)
def test_segments_cover_every_sample_and_no_more_than_needed(n_samples, length_s, overlap):
    signal = np.arange(1, n_samples + 1, dtype=np.float32)
    segments = segment(signal, 8000, length_s=length_s, overlap=overlap)
    length = max(1, round(length_s * 8000))
    step = max(1, round(length * (1 - overlap)))
    assert segments.shape == (segment_count(n_samples, length, step), length)
    assert set(segments.ravel()) - {0.0} == set(signal)
    for index, row in enumerate(segments):
        part = signal[index * step : index * step + length]
        np.testing.assert_array_equal(row, np.pad(part, (0, length - len(part))))
    if len(segments) > 1:  # without the last one a sample would be left out
        assert (len(segments) - 2) * step + length < n_samples


def test_segment_counts_of_the_study():
    minute = np.zeros(60 * RATE, dtype=np.float32)
    assert segment(minute, RATE).shape == (119, RATE)
    assert segment(minute, RATE, overlap=0).shape == (60, RATE)
    assert segment(minute[:1], RATE).shape == (1, RATE)
    assert segment(minute[:0], RATE).shape == (0, RATE)
    assert not segment(minute, RATE).flags.owndata  # a view: nothing was copied
    with pytest.raises(ValueError, match="overlap"):
        segment(minute, RATE, overlap=1.0)


def test_noise_has_the_ratio_asked_for_and_is_reproducible():
    segments = np.stack(
        [0.5 * np.random.default_rng(1).standard_normal(RATE), np.zeros(RATE)]
    ).astype(np.float32)
    noisy = add_white_noise(segments, seed=3)
    added = noisy - segments
    assert noisy.dtype == np.float32
    assert added[0].std() / segments[0].std() == pytest.approx(0.025, rel=0.05)
    assert not added[1].any()  # silence stays silence
    np.testing.assert_array_equal(noisy, add_white_noise(segments, seed=3))
    assert (noisy[0] != add_white_noise(segments, seed=4)[0]).any()
    louder = add_white_noise(segments, ratio=0.1, seed=3) - segments
    np.testing.assert_allclose(louder, 4 * added, atol=1e-6)


@pytest.mark.parametrize("size", [50, 128, 16, 200])
def test_image_is_torch_antialiased_resize_stretched_and_flipped(size):
    mel = log_mel(segment(load_audio(SPEECH), RATE), RATE)
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(mel)[None], size=(size, size), mode="bilinear", antialias=True
    )[0].numpy()
    low, high = resized.min(axis=(1, 2), keepdims=True), resized.max(axis=(1, 2), keepdims=True)
    expected = ((resized - low) / (high - low))[:, ::-1]
    image = to_image(mel, size)
    assert image.shape == (len(mel), size, size)
    assert image.dtype == np.float32
    assert (image.min(), image.max()) == (0, 1)
    np.testing.assert_allclose(image, expected, atol=1e-5)


def test_image_has_low_frequencies_at_the_bottom_and_silence_is_black():
    low_tone = np.sin(2 * np.pi * 150 * np.arange(RATE) / RATE)
    mel = log_mel(np.stack([low_tone, np.zeros(RATE)]).astype(np.float32), RATE)
    tone, silence = to_image(mel, 50)
    assert tone[40:].mean() > tone[:10].mean()
    assert not silence.any()
