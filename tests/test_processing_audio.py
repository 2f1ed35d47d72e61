"""The audio chain against librosa, torch and its own promises."""

import librosa
import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spoken_cefr.errors import InputError
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
NAMES = (
    "speech",
    "noise",
    "faint noise",
    "silence",
    "silence, then noise",
    "clicks",
    "full-scale sine",
    "full-scale square",
    "full-scale noise",
    "direct current",
    "chirp",
)


def librosa_log_mel(samples, *, sample_rate=RATE, n_fft=1024, hop_length=512, n_mels=128):
    mel = librosa.feature.melspectrogram(
        y=samples, sr=sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels
    )
    return librosa.power_to_db(mel, ref=np.max)


def signals():
    """Two seconds each of what a recording may hold."""
    time_s = np.arange(2 * RATE) / RATE
    clicks = np.zeros(2 * RATE)
    clicks[[0, 5000, 15_999, 16_000, 31_999]] = 1
    return {
        "speech": load_audio(SPEECH)[: 2 * RATE],
        "noise": 0.1 * np.random.default_rng(1).standard_normal(2 * RATE),
        "faint noise": 1e-4 * np.random.default_rng(1).standard_normal(2 * RATE),
        "silence": np.zeros(2 * RATE),
        "silence, then noise": np.concatenate(
            [np.zeros(RATE), np.random.default_rng(1).standard_normal(RATE)]
        ),
        "clicks": clicks,
        "full-scale sine": np.sin(2 * np.pi * 440 * time_s),
        "full-scale square": np.sign(np.sin(2 * np.pi * 100.5 * time_s)),
        "full-scale noise": np.random.default_rng(1).uniform(-1, 1, 2 * RATE),
        "direct current": np.ones(2 * RATE),
        "chirp": np.sin(2 * np.pi * 2000 * time_s**2),
    }


@pytest.mark.parametrize("window", [True, False], ids=["double window", "one window"])
@pytest.mark.parametrize("name", NAMES)
def test_log_mel_is_librosa_on_each_segment(name, window):
    segments = segment(signals()[name].astype(np.float32), RATE)
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


@pytest.mark.parametrize(
    ("rate", "channels", "suffix", "subtype"),
    [
        (8000, 1, "wav", "PCM_16"),
        (44_100, 2, "mp3", None),
        (48_000, 2, "wav", "PCM_24"),
        (16_000, 1, "flac", None),
        (22_050, 6, "wav", "FLOAT"),
    ],
)
def test_load_audio_gives_mono_float32_at_16_khz(tmp_path, rate, channels, suffix, subtype):
    path = tmp_path / f"tone.{suffix}"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    soundfile.write(path, np.tile(tone[:, None], channels), rate, subtype=subtype)
    signal = load_audio(path)
    assert signal.dtype == np.float32
    assert signal.ndim == 1
    assert len(signal) == pytest.approx(2 * RATE, abs=0.05 * RATE)
    middle = signal[RATE // 2 : RATE]
    assert np.abs(np.fft.rfft(middle)).argmax() == 220  # 440 Hz in half a second
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.03)


def write_noise_mp3(path, seconds=8):
    soundfile.write(path, 0.1 * np.random.default_rng(1).standard_normal(seconds * 44_100), 44_100)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda mp3: b"", r"empty file \(0 bytes\)"),
        (lambda mp3: b"Bonjour\n" * 4000, "not audio"),
        (lambda mp3: mp3[:60], "not audio"),
        (lambda mp3: mp3[: len(mp3) // 2], "is cut short"),
        (lambda mp3: mp3[: len(mp3) // 2].replace(b"Xing", b"\0\0\0\0"), "is cut short"),
    ],
    ids=["zero bytes", "text", "header only", "truncated", "truncated without Xing header"],
)
def test_load_audio_says_what_is_wrong(tmp_path, make, message):
    path = tmp_path / "bad.mp3"
    path.write_bytes(make(write_noise_mp3(path)))
    with pytest.raises(InputError, match=message) as caught:
        load_audio(path)
    assert str(path) in str(caught.value)


SEEKABLE = [
    ("wav", "WAV", "PCM_16", "LITTLE"),
    ("wav", "WAV", "PCM_16", "BIG"),
    ("wav", "WAVEX", "PCM_24", None),
    ("aiff", "AIFF", "PCM_16", None),
]


@pytest.mark.parametrize(("suffix", "container", "subtype", "endian"), SEEKABLE)
def test_half_a_file_whose_header_announces_the_whole_is_cut_short(
    tmp_path, suffix, container, subtype, endian
):
    path = tmp_path / f"noise.{suffix}"
    noise = 0.1 * np.random.default_rng(1).standard_normal(4 * RATE)
    soundfile.write(path, noise, RATE, format=container, subtype=subtype, endian=endian)
    assert len(load_audio(path)) == 4 * RATE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="is cut short"):
        load_audio(path)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_without_its_last_page_is_cut_short(tmp_path, subtype):
    path = tmp_path / "noise.ogg"
    soundfile.write(
        path, 0.1 * np.random.default_rng(1).standard_normal(4 * RATE), RATE, subtype=subtype
    )
    whole = path.read_bytes()
    assert len(load_audio(path)) == pytest.approx(4 * RATE, abs=0.05 * RATE)
    for cut in (whole[: len(whole) // 2], whole[:-20]):
        path.write_bytes(cut)
        with pytest.raises(InputError, match="is cut short"):
            load_audio(path)


def test_a_last_mp3_frame_that_lacks_some_bytes_is_no_cut_where_the_header_counts_the_rest(
    tmp_path,
):
    path = tmp_path / "web.mp3"
    whole = write_noise_mp3(path)
    path.write_bytes(whole[:-10])
    assert len(load_audio(path)) == pytest.approx(8 * RATE, abs=0.1 * RATE)
    for cut in (whole[:-60], whole + whole[:-10], whole[:-10].replace(b"Xing", b"\0\0\0\0")):
        path.write_bytes(cut)  # too many bytes, or nobody counted these frames
        with pytest.raises(InputError, match="is cut short"):
            load_audio(path)


def test_load_audio_refuses_nan_and_missing_files(tmp_path):
    soundfile.write(tmp_path / "nan.wav", np.array([0, np.nan, 0]), RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=r"nan\.wav holds samples that are not numbers"):
        load_audio(tmp_path / "nan.wav")
    with pytest.raises(InputError, match=r"none\.mp3 is missing"):
        load_audio(tmp_path / "none.mp3")


def test_a_file_that_is_too_long_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    path = tmp_path / "long.flac"
    soundfile.write(path, np.zeros(61 * 8000), 8000)
    assert len(load_audio(path, max_duration_s=61)) == 61 * RATE
    monkeypatch.setattr(soundfile.SoundFile, "read", None)  # would fail if it were called
    with pytest.raises(InputError, match=r"long\.flac lasts 1\.0 minutes; at most 0\.5 are taken"):
        load_audio(path, max_duration_s=30)


def test_a_header_that_announces_less_than_there_is_does_not_hide_the_length(tmp_path):
    path = tmp_path / "vbr.mp3"
    path.write_bytes(write_noise_mp3(path).replace(b"Xing", b"\0\0\0\0"))
    with pytest.raises(InputError, match="lasts"):  # libsndfile sees less than 6 s
        load_audio(path, max_duration_s=7)


def test_frames_behind_a_gap_do_not_pass_the_longest_duration(tmp_path):
    """libsndfile decodes the first 2 s, FFmpeg all 48 s."""
    path = tmp_path / "joined.mp3"
    parts = [write_noise_mp3(path, seconds=seconds) for seconds in (2, 6, 40)]
    path.write_bytes(parts[0] + parts[1] + bytes(3000) + parts[2])
    assert len(load_audio(path)) > 46 * RATE
    with pytest.raises(
        InputError, match=r"joined\.mp3 lasts 0\.\d minutes; at most 0\.2 are taken"
    ):
        load_audio(path, max_duration_s=12)


def test_variable_bit_rate_without_xing_header_is_decoded_to_its_end(tmp_path):
    """libsndfile alone stops at a length that it guesses from the first frame."""
    path = tmp_path / "vbr.mp3"
    mp3 = write_noise_mp3(path)
    whole = load_audio(path)
    path.write_bytes(mp3.replace(b"Xing", b"\0\0\0\0"))
    assert len(soundfile.read(path)[0]) < 6 * 44_100
    assert len(load_audio(path)) == pytest.approx(len(whole), abs=0.1 * RATE)
