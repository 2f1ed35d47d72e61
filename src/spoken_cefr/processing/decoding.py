"""A file becomes one channel of samples, or one clear sentence about why not."""

import io
import math
import mmap
from collections.abc import Callable, Iterable, Iterator
from functools import partial, reduce
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import soundfile
import soxr

from spoken_cefr.corpus.sound_files import open_sound
from spoken_cefr.errors import InputError
from spoken_cefr.processing import containers, ffmpeg

SAMPLE_RATE = 16_000  # Hz, what Whisper and wav2vec2 were trained on
SILENCE = 10 ** (-80 / 20)  # a peak below -80 dB of full scale is under the last bit but two
# What is read, by content and not by name. Others, such as headerless samples, could be any text.
CONTAINERS = ("wav", "aiff", "au", "caf", "flac", "ogg", "mp3", "aac", "mov", "matroska", "asf")
MAX_RATE_HZ, MAX_CHANNELS = 192_000, 8  # what a header may ask memory for
_WAV_KINDS = ("wavex", "rf64", "w64")  # libsndfile's names of WAV's relatives
_TOLERANCE_S = 0.25  # an MP3 file loses its encoder's delay and padding when decoded
_FEW_BYTES = 32  # may be missing at the end of an MP3 file
_BLOCK_S = 30.0  # of so much audio all channels are in memory at once
_CANCELLED = 0.1  # power of the mean of the channels over what it is if they are unrelated
_MAX_PEAK = 8.0  # loud masters and lossy decoders go beyond 1, not as far as this
_MIN_LOUD = 1e-3  # where 99 of 100 samples are below this part of the peak, it is a broken one
_MIN_OFFSET = 1e-3  # the mean of sound speech stays below

Block = tuple[int, np.ndarray]  # sample rate in Hz, samples of shape (n_samples, n_channels)
Reader = Callable[[], Iterator[Block]]


def load_audio(
    path: Path | str,
    *,
    sample_rate: int = SAMPLE_RATE,
    max_duration_s: float | None = None,
    max_mb: float = math.inf,
) -> np.ndarray:
    """Decode a file (MP3, FLAC, WAV, OGG, MP4, ...) to one channel at one sample rate.

    Files written one behind the other are decoded all, each at its own rate.

    Parameters
    ----------
    max_duration_s : float, optional
        A longer file is refused, by its header where that tells, and never
        decoded much further than this.
    max_mb : float
        A larger file is refused without being read.

    Returns
    -------
    np.ndarray, shape (n_samples,), float32
        The mean of the channels (the loudest one where they cancel out), resampled by
        soxr (HQ), normally in -1..1; a constant offset is taken out.

    Raises
    ------
    InputError
        If the file is missing, may not be read, is empty, not audio, too large or too long,
        cut short, damaged or holds NaN or infinity; the message names it.
    """
    path = Path(path)
    _check_file(path, max_mb)
    pieces = _decode(path, max_duration_s)
    if not any(len(samples) for _, samples in pieces):
        raise InputError(f"{path} holds no audio")
    if not all(np.isfinite(samples).all() for _, samples in pieces):
        raise InputError(f"{path} holds samples that are not numbers (NaN or infinity)")
    resampled = [
        samples if rate == sample_rate else soxr.resample(samples, rate, sample_rate, quality="HQ")
        for rate, samples in pieces
    ]
    signal = np.ascontiguousarray(np.concatenate(resampled), dtype=np.float32)
    signal = _in_scale(path, signal)
    # A constant offset, as of a cheap microphone's input, would drown the lowest bands.
    offset = signal.mean(dtype=np.float64)
    return signal if abs(offset) < _MIN_OFFSET else signal - np.float32(offset)


def _check_file(path: Path, max_mb: float) -> None:
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is not a file")
        with path.open("rb") as file:
            file.read(1)
    except InputError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path} is missing: check its name") from None
    except PermissionError:
        raise InputError(f"{path} may not be read by this user: change its permissions") from None
    except (OSError, ValueError) as error:  # a name that is too long, or holds a zero
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path!s:.200} cannot be read ({why})") from None
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path} is an empty file (0 bytes)")
    if size > max_mb * 1e6:
        raise InputError(f"{path} has {size / 1e6:.0f} MB: at most {max_mb:g} MB are read")


def _decode(path: Path, max_duration_s: float | None) -> list[Block]:
    """Mono samples of the whole file, in pieces of one sample rate each."""
    pieces: list[Block] = []
    # Without a buffer: libsndfile and FFmpeg read by turns.
    with (
        path.open("rb", buffering=0) as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        if fault := containers.ogg_fault(data):
            raise InputError(f"{path} {fault}: copy or download it again")
        parts = containers.joined_parts(data)
        for start, stop in parts:
            part = file if len(parts) == 1 else io.BytesIO(data[start:stop])
            share = containers.share_present(data[start:stop]) if data[:4] != b"OggS" else 1.0
            try:
                pieces += _decode_part(path, part, share, max_duration_s)
            except (soundfile.SoundFileError, RuntimeError, av.error.FFmpegError):
                # libsndfile's own words mislead: it says that a text file "does not exist".
                raise _not_audio(path) from None
            _check_length(path, _duration_s(pieces), max_duration_s)
    return pieces


def _not_audio(path: Path) -> InputError:
    return InputError(
        f"{path} is not audio that can be decoded, or is damaged: give an mp3, m4a, wav, flac or "
        "ogg file"
    )


def _decode_part(
    path: Path, file: BinaryIO, share: float, max_duration_s: float | None
) -> list[Block]:
    """Decode one file of those that may be joined, and compare with what its header announces."""
    readers, announced_s = _choose_readers(path, file)
    _check_length(path, announced_s, max_duration_s)
    for reader in readers:
        try:
            pieces = _mono_pieces(reader, max_duration_s)
        except (soundfile.SoundFileError, RuntimeError):
            if reader is readers[-1]:
                raise
            continue
        if _duration_s(pieces) > announced_s - _TOLERANCE_S:
            break
    decoded_s = _duration_s(pieces)
    _check_length(path, decoded_s, max_duration_s)
    announced_s = max(announced_s, decoded_s / share)  # libsndfile announces what is left
    if decoded_s < announced_s - _TOLERANCE_S:
        raise InputError(
            f"{path} is cut short: {decoded_s:.1f} s decoded of the {announced_s:.1f} s that its "
            "header announces"
        )
    return pieces


def _choose_readers(path: Path, file: BinaryIO) -> tuple[list[Reader], float]:
    """Who decodes an open file, by turns until one reaches its end; the seconds announced, or 0."""
    kind, announced_s = _libsndfile_header(path, file)
    by_libsndfile, by_ffmpeg = partial(_read_blocks, file), partial(_checked_blocks, path, file)
    if kind == "ogg" and announced_s:  # FFmpeg needs no end mark; all pages are there
        return [by_libsndfile, by_ffmpeg], announced_s
    if kind != "mp3" and announced_s:  # of damaged FLAC files FFmpeg would skip a part
        return [by_libsndfile], announced_s
    # The name that FFmpeg gives decides: libsndfile takes other things for MP3 too.
    name = ffmpeg.container_name(file).split(",")[0]
    if name not in CONTAINERS:
        raise _not_audio(path)
    if name != "mp3":
        return [by_ffmpeg], ffmpeg.announced_s(file)
    frames = ffmpeg.scan_mp3(file)
    if frames.lacking and not _is_whole_by_count(frames):
        raise InputError(
            f"{path} is cut short: its last MP3 frame breaks off at {frames.duration_s:.1f} s"
        )
    # Without a header that counts the frames libsndfile estimates, often wrongly.
    agrees = abs(frames.duration_s - announced_s) < _TOLERANCE_S and frames.has_one_rate
    readers = [by_libsndfile, by_ffmpeg] if kind == "mp3" and agrees else [by_ffmpeg]
    return readers, max(frames.duration_s, frames.announced_s or 0)


def _is_whole_by_count(frames: ffmpeg.Mp3) -> bool:
    """Whether only some bytes of the last frame are missing, as in many an MP3 file on the web.

    Only a header that counts the frames tells that from a download that broke off.
    """
    counted_s = frames.announced_s
    if counted_s is None or frames.lacking > _FEW_BYTES:
        return False
    return abs(frames.duration_s - counted_s) < _TOLERANCE_S


def _libsndfile_header(path: Path, file: BinaryIO) -> tuple[str | None, float]:
    """The container by libsndfile and its announced seconds; (None, 0) if it cannot read it."""
    try:
        with open_sound(_rewound(file)) as sound:
            rate_hz, n_channels = sound.samplerate, sound.channels
            kind = sound.format.lower()
            n_frames = sound.frames
    except (soundfile.SoundFileError, RuntimeError):
        return None, 0.0
    _check_load(path, rate_hz, n_channels)
    kind = "wav" if kind in _WAV_KINDS else kind
    if kind not in CONTAINERS:
        raise _not_audio(path)
    # Of a stream of unknown length it gives 0 or the greatest number.
    return kind, n_frames / rate_hz if 0 < n_frames < 2**60 else 0.0


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _check_load(path: Path, rate_hz: int, n_channels: int) -> None:
    if rate_hz > MAX_RATE_HZ or n_channels > MAX_CHANNELS:
        raise InputError(
            f"{path} has {n_channels} channels at {rate_hz} Hz: convert it to one channel at 16 kHz"
        )


def _read_blocks(file: BinaryIO) -> Iterator[Block]:
    """All channels by libsndfile, block by block."""
    with open_sound(_rewound(file)) as sound:
        size = int(_BLOCK_S * sound.samplerate)
        while len(channels := sound.read(size, dtype="float32", always_2d=True)):
            yield sound.samplerate, channels


def _checked_blocks(path: Path, file: BinaryIO) -> Iterator[Block]:
    """All channels by FFmpeg, block by block."""
    for rate_hz, channels in ffmpeg.read_blocks(file):
        _check_load(path, rate_hz, channels.shape[1])
        yield rate_hz, channels


def _mono_pieces(reader: Reader, max_duration_s: float | None) -> list[Block]:
    """One channel: the mean of all, or the loudest where one is another one's inverse."""
    power_of_mean, power = 0.0, np.zeros(MAX_CHANNELS)

    def mean(channels: np.ndarray) -> np.ndarray:
        nonlocal power_of_mean
        # Column by column, which is 10 x faster than ``mean(axis=1)``.
        mono = reduce(np.add, channels.T) / np.float32(channels.shape[1])
        if channels.shape[1] > 1:
            power[: channels.shape[1]] += len(channels) * channels.var(axis=0, dtype=np.float64)
            power_of_mean += len(channels) * mono.var(dtype=np.float64)
        return mono

    pieces = _joined(reader(), mean, max_duration_s)
    n_channels = max(1, np.count_nonzero(power))
    if power_of_mean < _CANCELLED * power.sum() / n_channels**2:
        loudest = int(power.argmax())
        return _joined(reader(), lambda channels: channels[:, loudest].copy(), max_duration_s)
    return pieces


def _joined(
    blocks: Iterable[Block],
    mono: Callable[[np.ndarray], np.ndarray],
    max_duration_s: float | None,
) -> list[Block]:
    """A piece of each run of one sample rate, up to the block that passes the longest duration."""
    runs: list[tuple[int, list[np.ndarray]]] = []
    seconds = 0.0
    for rate_hz, channels in blocks:
        if not runs or runs[-1][0] != rate_hz:
            runs.append((rate_hz, []))
        runs[-1][1].append(mono(channels))
        seconds += len(channels) / rate_hz
        if seconds > (math.inf if max_duration_s is None else max_duration_s):
            break
    return [(rate_hz, np.concatenate(taken)) for rate_hz, taken in runs]


def _duration_s(pieces: Iterable[Block]) -> float:
    return sum(len(samples) / rate_hz for rate_hz, samples in pieces)


def _check_length(path: Path, duration_s: float, max_duration_s: float | None) -> None:
    if max_duration_s is not None and duration_s > max_duration_s:
        raise InputError(
            f"{path} lasts {duration_s / 60:.1f} minutes; at most {max_duration_s / 60:g} are "
            "taken: cut it in parts"
        )


def _in_scale(path: Path, signal: np.ndarray) -> np.ndarray:
    """Samples of integers kept as floats (-32768..32767, say) are divided by a power of two."""
    peak = float(np.abs(signal).max())
    if peak <= _MAX_PEAK:
        return signal
    scaled = signal / np.float32(2.0 ** math.ceil(math.log2(peak)))
    if np.quantile(np.abs(scaled), 0.99) < _MIN_LOUD:
        raise InputError(
            f"{path} holds samples up to {peak:.3g}, far beyond -1..1: export it again"
        )
    return scaled
