"""Other people's sound files: what is whole is decoded all, what is cut or no audio is refused.

The files are made here; those that were handed over are in `field_cases.tsv`. Beside each fault
stand good files that its guard must let pass.
"""

import hashlib
import io
import itertools
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
SPEECH_S = soundfile.info(SPEECH).duration
MP3 = SPEECH.read_bytes()
NOISE = 0.1 * np.random.default_rng(5).standard_normal(4 * SAMPLE_RATE)
NOISE -= NOISE.mean()


def encoded(samples, rate, kind, subtype=None, endian=None):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype, endian=endian)
    return file.getvalue()


def tone(rate):
    """Two seconds of 440 Hz."""
    return 0.4 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)


def noise_mp3(seconds=8):
    rng = np.random.default_rng(1)
    return encoded(0.1 * rng.standard_normal(seconds * 44_100), 44_100, "MP3")


def uncounted(mp3):
    """The same MP3 without the header that counts its frames."""
    return mp3.replace(b"Xing", bytes(4)).replace(b"Info", bytes(4))


@pytest.fixture
def load(tmp_path):
    """Decode these bytes as a file of this name."""

    def decode(data, name="r.bin", **options):
        path = tmp_path / name
        path.write_bytes(data)
        return load_audio(path, **options)

    return decode


def hears_the_tone(signal):
    assert signal.dtype == np.float32 and signal.ndim == 1
    assert len(signal) / SAMPLE_RATE == pytest.approx(2, abs=0.25)  # MP3 pads by frames of 72 ms
    second = signal[8000:24_000]
    assert np.abs(np.fft.rfft(second)).argmax() == 440
    assert second.std() == pytest.approx(tone(SAMPLE_RATE).std(), rel=0.1)


def test_the_demo_s_recordings_decode_to_the_same_bits():
    """The numbers of the demo stand on these samples."""
    expected = json.loads((ROOT / "tests" / "audio" / "replica_sha256.json").read_text())
    found = {
        name: hashlib.sha256(load_audio(REPLICA / name).tobytes()).hexdigest() for name in expected
    }
    assert found == expected
    assert len(found) == len(list(REPLICA.iterdir()))


# --- whole files of many kinds


NAMES = [
    "avec espace.wav", "été.wav", "e\u0301te\u0301.wav", "日本語.wav", "🎤.wav", "a'b.wav",
    'a"b.wav', "-v.wav", "--help.wav", "a;b.wav", "a&b.wav", "$HOME.wav", "`id`.wav", "%20.wav",
    "a#b?c.wav", "[a]*.wav", "a..b.wav", "a" * 200 + ".wav",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_whatever_its_name(load, name):
    hears_the_tone(load(encoded(tone(SAMPLE_RATE), SAMPLE_RATE, "WAV"), name))


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3", "W64", "RF64"])
def test_audio_is_audio_by_whatever_suffix(load, kind):
    hears_the_tone(load(encoded(tone(SAMPLE_RATE), SAMPLE_RATE, kind), "r.txt"))


@pytest.mark.parametrize(
    ("rate", "n_channels", "subtype"),
    [(8000, 1, "PCM_16"), (48_000, 2, "PCM_24"), (22_050, 6, "FLOAT")],
)
def test_every_rate_and_number_of_channels_becomes_mono_at_16_khz(load, rate, n_channels, subtype):
    samples = np.tile(tone(rate)[:, None], n_channels)
    hears_the_tone(load(encoded(samples, rate, "WAV", subtype)))


@pytest.mark.parametrize("subtype", sorted(soundfile.available_subtypes("WAV")))
def test_wav_of_every_codec(load, subtype):
    rate = 8000 if subtype in ("GSM610", "G721_32") or subtype.startswith("NMS") else SAMPLE_RATE
    try:
        data = encoded(tone(rate), rate, "WAV", subtype)
    except soundfile.LibsndfileError:
        pytest.skip("libsndfile reads this codec in WAV and does not write it")
    hears_the_tone(load(data))


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_wav_whose_size_fields_do_not_know_the_length(load, size):
    """FFmpeg, SoX and arecord write such sizes into a pipe."""
    wav = bytearray(encoded(tone(SAMPLE_RATE), SAMPLE_RATE, "WAV"))
    wav[4:8] = wav[40:44] = size.to_bytes(4, "little")
    hears_the_tone(load(wav))


RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100)  # the first three: MPEG-2.5


@pytest.mark.parametrize(("rate", "counted"), list(itertools.product(RATES, (True, False))))
def test_mp3_of_every_rate_with_and_without_a_header_that_counts(load, rate, counted):
    mp3 = encoded(tone(rate), rate, "MP3")
    hears_the_tone(load(mp3 if counted else uncounted(mp3)))


def test_flac_of_unknown_length_is_whole(load):
    flac = bytearray(encoded(NOISE, SAMPLE_RATE, "FLAC"))
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    assert len(load(flac)) == len(NOISE)


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
def test_containers_that_libsndfile_does_not_know(load, container, codec, film):
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
    signal = load(file.getvalue())
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


# --- several files in one, and bytes around them


ID3 = b"ID3\x03\0\0\0\0\x01\x00" + bytes(128)


@pytest.mark.parametrize("before", [b"", ID3, ID3 + ID3, bytes(4096), b"HTTP/1.0 200 OK\r\n\r\n"])
@pytest.mark.parametrize("after", [b"", b"TAG" + bytes(125), bytes(4096)])
@pytest.mark.parametrize("counted", [True, False])
def test_what_stands_around_the_frames_of_an_mp3_changes_nothing(load, before, after, counted):
    signal = load(before + (MP3 if counted else uncounted(MP3)) + after)
    assert len(signal) / SAMPLE_RATE == pytest.approx(SPEECH_S, abs=0.12)


@pytest.mark.parametrize("between", [b"", ID3, b"TAG" + bytes(125), b"\r\n", bytes(2000)])
def test_joined_mp3_files_are_decoded_all(load, between):
    signal = load(between.join([MP3] * 3))
    assert len(signal) / SAMPLE_RATE == pytest.approx(3 * SPEECH_S, abs=0.3)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", None), ("WAV", None), ("AIFF", None)],
)
def test_joined_files_are_decoded_all_at_their_own_rate(load, kind, subtype):
    slow, fast = (encoded(tone(rate), rate, kind, subtype) for rate in (16_000, 48_000))
    for data in (slow + fast, fast + slow):
        signal = load(data)
        assert len(signal) / SAMPLE_RATE == pytest.approx(4, abs=0.02)
        for part in np.split(signal[: 64_000 - 800], 2):
            assert np.abs(np.fft.rfft(part[8000:24_000])).argmax() == 440


# --- channels, scale, offset


@pytest.mark.parametrize(
    ("other", "becomes"),
    [
        (-0.99 * NOISE, NOISE),  # they cancel out: the louder one is taken
        (NOISE, NOISE),
        (np.zeros_like(NOISE), NOISE / 2),
        (np.roll(NOISE, 400), (NOISE + np.roll(NOISE, 400)) / 2),
        (-0.3 * NOISE, 0.35 * NOISE),
    ],
    ids=["inverse", "twice the same", "one silent", "late", "weak inverse"],
)
def test_channels_are_averaged_unless_they_cancel_out(load, other, becomes):
    both = np.stack([NOISE, other], axis=1)
    assert load(encoded(both, SAMPLE_RATE, "WAV", "FLOAT")) == pytest.approx(becomes, abs=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1.5, 4.0])
def test_a_loud_master_is_left_as_it_is(load, scale):
    loud = scale * NOISE / np.abs(NOISE).max()
    signal = load(encoded(loud, SAMPLE_RATE, "WAV", "FLOAT"))
    assert np.abs(signal).max() == pytest.approx(scale)


def test_floats_in_the_scale_of_integers_are_brought_to_ours_and_a_broken_one_is_told(load):
    signal = load(encoded(32768 * NOISE, SAMPLE_RATE, "WAV", "FLOAT"))
    assert 0.5 <= np.abs(signal).max() <= 1
    broken = NOISE.copy()
    broken[100] = 1e6
    with pytest.raises(InputError, match="beyond"):
        load(encoded(broken, SAMPLE_RATE, "WAV", "FLOAT"))


@pytest.mark.parametrize("offset", [0.01, -0.2])
def test_a_constant_offset_is_taken_out(load, offset):
    speech = load_audio(SPEECH)
    moved = load(encoded(speech + offset, SAMPLE_RATE, "WAV", "FLOAT"))
    before, after = (log_mel(s[None, 16_000:32_000], SAMPLE_RATE) for s in (speech, moved))
    assert np.abs(before - after).mean() < 0.1


# --- what is refused


def is_refused(load, data, told, name="r.bin", **options):
    with pytest.raises(InputError, match=told) as error:
        load(data, name, **options)
    assert name in str(error.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"", "empty"), (MP3[:60], "not audio")],
    ids=["no byte", "header only"],
)
def test_what_holds_no_sound_is_refused(load, data, told):
    is_refused(load, data, told)


@pytest.mark.parametrize("suffix", ["raw", "au", "vox", "gsm", "mp3", "ogg", "wav", "txt"])
def test_a_text_is_no_audio_by_whatever_name(load, suffix):
    text = "Il était une fois, dans une petite ville, un boulanger.\n" * 400
    is_refused(load, text.encode(), "not audio", f"r.{suffix}")


@pytest.mark.parametrize("counted", [True, False])
def test_half_an_mp3_is_cut_short(load, counted):
    whole = noise_mp3() if counted else uncounted(noise_mp3())
    is_refused(load, whole[: len(whole) // 2], "cut short")


@pytest.mark.parametrize(
    ("kind", "subtype", "endian"),
    [
        ("WAV", "PCM_16", "LITTLE"),
        ("WAV", "PCM_16", "BIG"),
        ("WAVEX", "PCM_24", None),
        ("AIFF", "PCM_16", None),
        ("OGG", "VORBIS", None),
        ("OGG", "OPUS", None),
    ],
)
def test_half_a_file_is_cut_short(load, kind, subtype, endian):
    whole = encoded(NOISE, SAMPLE_RATE, kind, subtype, endian)
    assert len(load(whole)) == pytest.approx(len(NOISE), abs=0.1 * SAMPLE_RATE)
    is_refused(load, whole[: len(whole) // 2], "cut short")


def test_a_last_mp3_frame_that_lacks_some_bytes_is_no_cut_where_the_header_counts_the_rest(load):
    whole = noise_mp3()
    assert len(load(whole[:-10])) == pytest.approx(8 * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)
    # Too many bytes are missing, or nobody counted these frames.
    for cut in (whole[:-60], whole + whole[:-10], uncounted(whole[:-10])):
        is_refused(load, cut, "cut short")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_that_lost_a_page_or_a_bit_is_refused(load, subtype):
    whole = encoded(NOISE, SAMPLE_RATE, "OGG", subtype)
    pages = [b"OggS" + page for page in whole.split(b"OggS")[1:]]
    middle = len(pages) // 2 + 1
    damaged = bytearray(whole)
    damaged[-200] ^= 4
    is_refused(load, b"".join(pages[:middle] + pages[middle + 1 :]), "damaged")
    is_refused(load, bytes(damaged), "damaged")
    is_refused(load, whole[:-20], "cut short")


def test_more_channels_than_anyone_speaks_in_are_refused_before_they_are_decoded(load):
    is_refused(load, encoded(np.zeros((100, 9)), SAMPLE_RATE, "WAV"), "9 channels")


def test_a_file_that_is_too_long_is_refused_before_it_is_decoded(load, monkeypatch):
    minute = encoded(np.zeros(61 * 8000), 8000, "FLAC")
    assert len(load(minute, max_duration_s=61)) == 61 * SAMPLE_RATE
    monkeypatch.setattr(soundfile.SoundFile, "read", None)  # would fail if it were called
    is_refused(load, minute, r"lasts 1\.0 minutes; at most 0\.5", max_duration_s=30)


def test_a_header_that_announces_less_than_there_is_does_not_hide_the_length(load):
    # libsndfile sees less than 6 s of the first; of the second 2 s, FFmpeg all 48.
    is_refused(load, uncounted(noise_mp3()), "lasts", max_duration_s=7)
    gapped = noise_mp3(2) + noise_mp3(6) + bytes(3000) + noise_mp3(40)
    assert len(load(gapped)) > 46 * SAMPLE_RATE
    is_refused(load, gapped, "lasts", max_duration_s=12)


def test_escape_codes_in_a_name_do_not_reach_the_terminal(load):
    with pytest.raises(InputError) as error:
        load(b"no sound" * 100, "\x1b[2Jr\x9b.mp3")
    assert "\\x1b[2Jr\\x9b.mp3" in str(error.value)
    assert str(error.value).isprintable()
