"""Recordings that people give: each unusable one is told in one sentence that names it."""

import os
import struct

import av
import numpy as np
import pytest
import soundfile

from spoken_cefr.errors import InputError
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.listening import MAX_DURATION_S, find_recordings, load_recording

KERMESSE = ROOT / "tests" / "audio" / "kermesse.mp3"
RATE = 16_000


def noise(duration_s, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, int(duration_s * RATE)).astype(np.float32)


def write_zeros(path, duration_s):
    soundfile.write(path, np.zeros(int(duration_s) * 100, dtype=np.int16), 100)
    return path


def wav_header(rate_hz, channels, n_bytes):
    """The header of a WAV file of 16 bit, which may promise anything."""
    block = 2 * channels
    return (
        b"RIFF"
        + struct.pack("<I", 36 + n_bytes)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, channels, rate_hz, rate_hz * block & 0xFFFFFFFF, block, 16)
        + b"data"
        + struct.pack("<I", n_bytes)
    )


def make_bad(kind, folder):
    path = folder / f"{kind}.wav"
    if kind == "missing":
        return path
    if kind == "folder_as_file":
        os.mkfifo(path)
    elif kind == "empty":
        path.touch()
    elif kind == "one_second":
        soundfile.write(path, noise(1), RATE)
    elif kind == "silence":
        soundfile.write(path, np.zeros(5 * RATE), RATE)
    elif kind == "three_hours":
        return write_zeros(folder / "three_hours.flac", 3 * 3600)
    elif kind == "three_hours_sparse":
        n_bytes = 3 * 3600 * RATE * 2
        path.write_bytes(wav_header(RATE, 1, n_bytes))
        os.truncate(path, 44 + n_bytes)
    elif kind == "garbage":
        path.write_bytes(np.random.default_rng(1).bytes(50_000))
    elif kind == "absurd_header":
        path.write_bytes(wav_header(2_000_000_000, 1, 64_000) + bytes(64_000))
    elif kind == "many_channels":
        path.write_bytes(wav_header(RATE, 512, 1024 * 100) + bytes(1024 * 100))
    return path


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("missing", "is missing"),
        ("folder_as_file", "is not a file"),
        ("empty", "is an empty file"),
        ("one_second", r"lasts 1\.0 s: at least 3 s are needed"),
        ("silence", "is silent from end to end"),
        ("three_hours", r"lasts 180\.0 minutes; at most 30 are taken"),
        ("three_hours_sparse", r"lasts 180\.0 minutes; at most 30 are taken"),
        ("garbage", "is not audio that can be decoded, or is damaged: give an mp3"),
        ("absurd_header", "channels at 2000000000 Hz: convert it"),
        ("many_channels", "512 channels"),
    ],
)
def test_a_bad_file_is_told_in_one_sentence_that_names_it(kind, told, tmp_path):
    path = make_bad(kind, tmp_path)
    with pytest.raises(InputError, match=told) as error:
        load_recording(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_large_file_is_refused_by_its_size(tmp_path):
    path = tmp_path / "large.wav"
    soundfile.write(path, noise(60), RATE)
    with pytest.raises(InputError, match=r"has 2 MB: at most 1 MB are read"):
        load_recording(path, max_mb=1)


def test_no_right_to_read_is_told(tmp_path):
    path = tmp_path / "secret.wav"
    soundfile.write(path, noise(4), RATE)
    path.chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(InputError, match="may not be read by this user"):
            load_recording(path)
        return
    # Root reads everything: be somebody else for this one call.
    tmp_path.chmod(0o755)
    for parent in [tmp_path, *tmp_path.parents][:-1]:
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o111)
    os.seteuid(65534)
    try:
        with pytest.raises(InputError, match="may not be read by this user"):
            load_recording(path)
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_every_format_is_read_from_a_path_with_spaces_and_accents(suffix, tmp_path):
    path = tmp_path / "une fête à l’école" / f"Noël, l'été — ça va{suffix}"
    path.parent.mkdir()
    soundfile.write(path, noise(4), RATE)
    signal = load_recording(path)
    assert signal.dtype == np.float32
    assert len(signal) == pytest.approx(4 * RATE, abs=0.1 * RATE)


def test_thirty_minutes_are_taken(tmp_path):
    path = tmp_path / "long.flac"
    soundfile.write(path, noise(MAX_DURATION_S / 8), RATE // 8)
    assert len(load_recording(path)) == MAX_DURATION_S * RATE


def test_a_folder_gives_its_audio_and_tells_what_it_left_out(tmp_path):
    for name in ("b.mp3", "a.WAV", "notes.txt", "deeper/c.flac", ".hidden/d.mp3", ".e.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files, remarks = find_recordings([tmp_path, tmp_path / "b.mp3", tmp_path / "notes.txt"])
    assert [str(file.relative_to(tmp_path)) for file in files] == [
        "a.WAV",
        "b.mp3",
        "deeper/c.flac",
        "notes.txt",
    ]
    assert remarks == [f"{tmp_path}: left out 1 that are not audio"]


@pytest.mark.parametrize(("given", "told"), [([], "no recording"), (["."], "holds no audio file")])
def test_nothing_to_read_is_told(given, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=told):
        find_recordings(given)


def test_a_phones_file_is_read_by_its_content_whatever_its_name(tmp_path):
    recording = ROOT / "data" / "replica" / "audio" / "kermesse.mp3"
    expected = load_recording(recording)
    path = tmp_path / "memo.bin"
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(expected[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)
    found = load_recording(path)
    assert len(found) == pytest.approx(len(expected), abs=4096)
    assert np.abs(found).max() == pytest.approx(np.abs(expected).max(), rel=0.2)
