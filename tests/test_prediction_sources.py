"""Recordings that people give: each unusable one is told in one sentence that names it."""

import os
import struct

import numpy as np
import pytest
import soundfile

from spoken_cefr.errors import InputError
from spoken_cefr.page import wording
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.listening import MAX_DURATION_S, find_recordings, load_recording

SPEECH = ROOT / "tests" / "audio" / "kermesse.mp3"
RATE = 16_000


def noise(duration_s, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, int(duration_s * RATE)).astype(np.float32)


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


def sparse(path):
    """Three hours by its header and its size, of which nothing is on the disk."""
    n_bytes = 3 * 3600 * RATE * 2
    path.write_bytes(wav_header(RATE, 1, n_bytes))
    os.truncate(path, 44 + n_bytes)


BAD = {
    "missing": lambda path: None,
    "pipe": os.mkfifo,
    "empty": lambda path: path.touch(),
    "one second": lambda path: soundfile.write(path, noise(1), RATE),
    "silence": lambda path: soundfile.write(path, np.zeros(5 * RATE), RATE),
    "three hours": lambda path: soundfile.write(path, np.zeros(3 * 3600 * 100), 100, format="FLAC"),
    "three hours, sparse": sparse,
    "cut short": lambda path: path.write_bytes(SPEECH.read_bytes()[:9000]),
    "garbage": lambda path: path.write_bytes(np.random.default_rng(1).bytes(50_000)),
    "no numbers": lambda path: soundfile.write(path, np.full(RATE, np.nan), RATE, subtype="FLOAT"),
    "absurd rate": lambda path: path.write_bytes(wav_header(2 * 10**9, 1, 64_000) + bytes(64_000)),
    "many channels": lambda path: path.write_bytes(wav_header(RATE, 512, 102_400) + bytes(102_400)),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_told_in_one_sentence_that_names_it_and_in_french_too(kind, tmp_path):
    path = tmp_path / "bad.wav"
    BAD[kind](path)
    with pytest.raises(InputError) as error:
        load_recording(path)
    told = str(error.value)
    assert str(path) in told and "\n" not in told
    french = wording.error(told, "fr")
    assert "{" not in french
    # Nobody can send a pipe to the page: it has no sentence for that.
    assert (french == wording.text("other_error", "fr")) == (kind == "pipe")
    assert wording.error(told, "en") == told


def test_a_large_file_is_refused_by_its_size(tmp_path):
    path = tmp_path / "large.wav"
    soundfile.write(path, noise(60), RATE)
    with pytest.raises(InputError) as error:
        load_recording(path, max_mb=1)
    assert "1 Mo" in wording.error(str(error.value), "fr")


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
