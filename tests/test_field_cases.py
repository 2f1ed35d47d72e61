"""What others had reported or handed over: one line of `field_cases.tsv` is one case, no code.

``how`` is one of `CHECKS`, ``kind`` what is odd about it, ``input`` a file below
``shared/cases``, whose README says how it was made, ``asked`` what is asked of it, ``right`` the
right value. What held and must go on holding is made below.
"""

import csv
import io
import itertools
import time

import numpy as np
import pytest
import soundfile

from spoken_cefr.errors import InputError
from spoken_cefr.measures.syllables import count_syllables
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.alignment.textgrid import read_intervals
from spoken_cefr.processing.decoding import SAMPLE_RATE, load_audio
from spoken_cefr.scraping.politeness import Robots

with (ROOT / "tests" / "field_cases.tsv").open(encoding="utf-8", newline="") as file:
    CASES = list(csv.DictReader(file, delimiter="\t"))


def seconds(path, asked, right):
    signal = load_audio(path, max_duration_s=1800)
    assert len(signal) / SAMPLE_RATE == pytest.approx(float(right), abs=0.06)
    assert 0.05 < signal.std() < 0.15  # speech all through: no residue, no other scale
    assert np.abs(signal).max() <= 1


def refused(path, asked, right):
    with pytest.raises(InputError, match=path.name):
        load_audio(path, max_duration_s=1800)


def textgrid(path, asked, right):
    words = read_intervals(path, tier=asked)
    assert "|".join(f"{w.start_s:g}-{w.end_s:g} {w.word}" for w in words) == right


def robots(path, asked, right):
    begun = time.monotonic()
    allowed = Robots(path.read_text(encoding="utf-8")).allows(f"https://site.example{asked}")
    assert time.monotonic() - begun < 5  # a pattern that goes back and forth takes years
    assert ("yes" if allowed else "no") == right


def syllables(path, asked, right):
    assert count_syllables(asked) == int(right)


CHECKS = {check.__name__: check for check in (seconds, refused, textgrid, robots, syllables)}


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: "-".join(filter(None, (case["kind"], case["input"])))
)
def test_a_case_of_the_field(request, case):
    path = case["input"] and request.getfixturevalue("shared") / "cases" / case["input"]
    CHECKS[case["how"]](path, case["asked"], case["right"])


def test_no_case_stands_twice():
    keys = [(case["how"], case["input"], case["asked"]) for case in CASES]
    assert len(keys) == len(set(keys)) > 50


TONE = 0.4 * np.sin(2 * np.pi * 440 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)


def encoded(rate, kind, subtype):
    file = io.BytesIO()
    samples = 0.4 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def hears_the_tone(path):
    signal = load_audio(path)
    assert len(signal) / SAMPLE_RATE == pytest.approx(2, abs=0.25)  # MP3 pads by frames of 72 ms
    second = signal[8000:24_000]
    assert np.abs(np.fft.rfft(second)).argmax() == 440
    assert second.std() == pytest.approx(TONE.std(), rel=0.1)


NAMES = [
    "avec espace.wav", "été.wav", "e\u0301te\u0301.wav", "日本語.wav", "🎤.wav", "a'b.wav",
    'a"b.wav', "-v.wav", "--help.wav", "a;b.wav", "a&b.wav", "$HOME.wav", "`id`.wav", "%20.wav",
    "a#b?c.wav", "[a]*.wav", "a..b.wav", "a" * 200 + ".wav",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_whatever_its_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(encoded(SAMPLE_RATE, "WAV", "PCM_16"))
    hears_the_tone(path)


@pytest.mark.parametrize("subtype", sorted(soundfile.available_subtypes("WAV")))
def test_wav_of_every_codec(tmp_path, subtype):
    rate = 8000 if subtype in ("GSM610", "G721_32") or subtype.startswith("NMS") else SAMPLE_RATE
    try:
        data = encoded(rate, "WAV", subtype)
    except soundfile.LibsndfileError:
        pytest.skip("libsndfile reads this codec in WAV and does not write it")
    (tmp_path / "a.wav").write_bytes(data)
    hears_the_tone(tmp_path / "a.wav")


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_wav_whose_size_fields_do_not_know_the_length(tmp_path, size):
    """FFmpeg, SoX and arecord write such sizes into a pipe."""
    wav = bytearray(encoded(SAMPLE_RATE, "WAV", "PCM_16"))
    wav[4:8] = wav[40:44] = size.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(wav)
    hears_the_tone(tmp_path / "a.wav")


RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100)  # the first three: MPEG-2.5


@pytest.mark.parametrize(("rate", "counted"), list(itertools.product(RATES, (True, False))))
def test_mp3_of_every_rate_with_and_without_a_header_that_counts(tmp_path, rate, counted):
    mp3 = encoded(rate, "MP3", "MPEG_LAYER_III")
    if not counted:
        mp3 = mp3.replace(b"Xing", bytes(4)).replace(b"Info", bytes(4))
    (tmp_path / "a.mp3").write_bytes(mp3)
    hears_the_tone(tmp_path / "a.mp3")
