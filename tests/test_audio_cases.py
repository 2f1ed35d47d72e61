"""Other people's sound files, made here; those that were handed over are in `field_cases.tsv`.

Beside each fault stand good files that its guard must let pass.
"""

import hashlib
import io
import json

import av
import numpy as np
import pytest
import soundfile

from spoken_cefr.errors import InputError
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.audio import log_mel
from spoken_cefr.processing.decoding import SAMPLE_RATE, load_audio

REPLICA = ROOT / "data" / "replica" / "audio"
SPEECH = ROOT / "tests" / "audio" / "kermesse.mp3"
MP3 = SPEECH.read_bytes()
RNG = np.random.default_rng(5)
NOISE = 0.1 * RNG.standard_normal(4 * SAMPLE_RATE)
NOISE -= NOISE.mean()


def test_the_demo_s_recordings_decode_to_the_same_bits():
    """The numbers of the demo stand on these samples."""
    expected = json.loads((ROOT / "tests" / "audio" / "replica_sha256.json").read_text())
    found = {
        name: hashlib.sha256(load_audio(REPLICA / name).tobytes()).hexdigest() for name in expected
    }
    assert found == expected
    assert len(found) == len(list(REPLICA.iterdir()))


def encoded(samples, rate, kind, subtype=None):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def load(tmp_path, data, name="r.bin"):
    path = tmp_path / name
    path.write_bytes(data)
    return load_audio(path)


ID3 = b"ID3\x03\0\0\0\0\x01\x00" + bytes(128)
APE = (
    b"APETAGEX\xd0\x07\0\0\x50\0\0\0\x01\0\0\0\0\0\0\xa0" + bytes(8)
    + b"\x28\0\0\0\0\0\0\0Title\0" + b"a" * 34
)  # fmt: skip


@pytest.mark.parametrize("before", [b"", ID3, ID3 + ID3, bytes(4096), b"HTTP/1.0 200 OK\r\n\r\n"])
@pytest.mark.parametrize("after", [b"", b"TAG" + bytes(125), bytes(4096)])
@pytest.mark.parametrize("counted", [True, False])
def test_what_stands_around_the_frames_of_an_mp3_changes_nothing(tmp_path, before, after, counted):
    mp3 = MP3 if counted else MP3.replace(b"Xing", bytes(4)).replace(b"Info", bytes(4))
    expected_s = soundfile.info(SPEECH).duration
    signal = load(tmp_path, before + mp3 + after)
    assert len(signal) / SAMPLE_RATE == pytest.approx(expected_s, abs=0.12)


@pytest.mark.parametrize("between", [b"", ID3, b"TAG" + bytes(125), b"\r\n", bytes(2000)])
def test_joined_mp3_files_are_decoded_all(tmp_path, between):
    expected_s = 3 * soundfile.info(SPEECH).duration
    signal = load(tmp_path, between.join([MP3] * 3))
    assert len(signal) / SAMPLE_RATE == pytest.approx(expected_s, abs=0.3)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", None), ("WAV", None), ("AIFF", None)],
)
def test_joined_files_are_decoded_all_at_their_own_rate(tmp_path, kind, subtype):
    tones = [np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate) / 2 for rate in (16_000, 48_000)]
    parts = [
        encoded(tone, rate, kind, subtype)
        for tone, rate in zip(tones, (16_000, 48_000), strict=True)
    ]
    for data, n in ((parts[0], 1), (parts[0] + parts[1], 2), (parts[1] + parts[0], 2)):
        signal = load(tmp_path, data)
        assert len(signal) / SAMPLE_RATE == pytest.approx(2 * n, abs=0.02)
        for second in np.split(signal[: n * 32_000 - 400 * n], n):
            assert np.abs(np.fft.rfft(second[8000:24_000])).argmax() == 440


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_that_lost_a_page_or_a_bit_is_refused(tmp_path, subtype):
    whole = encoded(NOISE, SAMPLE_RATE, "OGG", subtype)
    pages = [b"OggS" + page for page in whole.split(b"OggS")[1:]]
    assert len(load(tmp_path, whole)) == pytest.approx(len(NOISE), abs=100)
    middle = len(pages) // 2 + 1
    with pytest.raises(InputError, match="damaged"):
        load(tmp_path, b"".join(pages[:middle] + pages[middle + 1 :]))
    damaged = bytearray(whole)
    damaged[-200] ^= 4
    with pytest.raises(InputError, match="damaged"):
        load(tmp_path, bytes(damaged))


def test_channels_that_cancel_out_leave_the_loudest(tmp_path):
    inverted = np.stack([NOISE, -0.99 * NOISE], axis=1)
    signal = load(tmp_path, encoded(inverted, SAMPLE_RATE, "WAV", "FLOAT"))
    assert signal == pytest.approx(NOISE, abs=1e-6)


@pytest.mark.parametrize(
    "other",
    [NOISE, np.zeros_like(NOISE), np.roll(NOISE, 400), -0.3 * NOISE],
    ids=["twice the same", "one silent", "late", "weak inverse"],
)
def test_channels_that_do_not_cancel_are_averaged(tmp_path, other):
    both = np.stack([NOISE, other], axis=1)
    signal = load(tmp_path, encoded(both, SAMPLE_RATE, "WAV", "FLOAT"))
    assert signal == pytest.approx(both.mean(axis=1), abs=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1.5, 4.0])
def test_a_loud_master_is_left_as_it_is(tmp_path, scale):
    loud = scale * NOISE / np.abs(NOISE).max()
    signal = load(tmp_path, encoded(loud, SAMPLE_RATE, "WAV", "FLOAT"))
    assert np.abs(signal).max() == pytest.approx(scale)


def test_floats_in_the_scale_of_integers_are_brought_to_ours_and_a_broken_one_is_told(tmp_path):
    signal = load(tmp_path, encoded(32768 * NOISE, SAMPLE_RATE, "WAV", "FLOAT"))
    assert 0.5 <= np.abs(signal).max() <= 1
    broken = NOISE.copy()
    broken[100] = 1e6
    with pytest.raises(InputError, match="beyond"):
        load(tmp_path, encoded(broken, SAMPLE_RATE, "WAV", "FLOAT"))


@pytest.mark.parametrize("offset", [0.01, -0.2])
def test_a_constant_offset_is_taken_out(tmp_path, offset):
    speech = load_audio(SPEECH)
    moved = load(tmp_path, encoded(speech + offset, SAMPLE_RATE, "WAV", "FLOAT"))
    second = slice(16_000, 32_000)
    before, after = (log_mel(s[None, second], SAMPLE_RATE) for s in (speech, moved))
    assert np.abs(before - after).mean() < 0.1


@pytest.mark.parametrize("suffix", ["raw", "au", "vox", "gsm", "mp3", "ogg", "wav", "txt"])
def test_a_text_is_no_audio_by_whatever_name(tmp_path, suffix):
    text = "Il était une fois, dans une petite ville, un boulanger.\n" * 400
    with pytest.raises(InputError, match="not audio"):
        load(tmp_path, text.encode(), f"r.{suffix}")


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3", "W64", "RF64"])
@pytest.mark.parametrize("suffix", ["raw", "txt"])
def test_audio_is_audio_by_whatever_name(tmp_path, kind, suffix):
    signal = load(tmp_path, encoded(NOISE, SAMPLE_RATE, kind), f"r.{suffix}")
    assert len(signal) == pytest.approx(len(NOISE), abs=0.1 * SAMPLE_RATE)


@pytest.mark.parametrize(
    ("container", "codec", "film"),
    [
        *(("mp4", codec, film) for codec in ("aac", "libopus") for film in (False, True)),
        *(("webm", "libopus", film) for film in (False, True)),
        *(("matroska", "aac", film) for film in (False, True)),
        *(("mov", "aac", True), ("ipod", "aac", False), ("adts", "aac", False)),
        ("asf", "wmav2", False),
    ],
)
def test_containers_that_libsndfile_does_not_know(tmp_path, container, codec, film):
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        pictures = (
            output.add_stream("libvpx" if container == "webm" else "mpeg4", 5) if film else None
        )
        stream = output.add_stream(codec, rate=48_000, layout="mono")
        stream.bit_rate = 64_000
        if film:
            _add_pictures(output, pictures)
        samples = np.repeat(NOISE, 3).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = 48_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    signal = load(tmp_path, file.getvalue())
    assert len(signal) / SAMPLE_RATE == pytest.approx(4, abs=0.1)
    assert signal.std() == pytest.approx(0.1, abs=0.02)


def _add_pictures(output, stream):
    """Four seconds of grey film."""
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    grey = np.full((64, 64, 3), 128, np.uint8)
    for _ in range(20):
        for packet in stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")):
            output.mux(packet)
    for packet in stream.encode(None):
        output.mux(packet)


def test_flac_of_unknown_length_is_whole(tmp_path):
    flac = bytearray(encoded(NOISE, SAMPLE_RATE, "FLAC"))
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    assert len(load(tmp_path, bytes(flac))) == len(NOISE)


def test_escape_codes_in_a_name_do_not_reach_the_terminal(tmp_path):
    with pytest.raises(InputError) as error:
        load(tmp_path, b"no sound" * 100, "\x1b[2Jr\x9b.mp3")
    assert "\\x1b[2Jr\\x9b.mp3" in str(error.value)
    assert str(error.value).isprintable()


def test_more_channels_than_anyone_speaks_in_are_refused_before_they_are_decoded(tmp_path):
    with pytest.raises(InputError, match="9 channels"):
        load(tmp_path, encoded(np.zeros((100, 9)), SAMPLE_RATE, "WAV"))
