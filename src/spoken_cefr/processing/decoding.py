"""A file becomes one channel of samples, or one clear sentence about why not."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from spoken_cefr.corpus.sound_files import open_sound
from spoken_cefr.errors import InputError
from spoken_cefr.processing.containers import ogg_is_cut, share_present
from spoken_cefr.processing.mp3 import Walk, walk_frames

SAMPLE_RATE = 16_000  # Hz, what Whisper and wav2vec2 were trained on
_TOLERANCE_S = 0.25  # an MP3 file loses its encoder's delay and padding when decoded
_FEW_BYTES = 32  # may be missing at the end of an MP3 file
_BLOCK_S = 30.0  # of so much audio all channels are in memory at once


def load_audio(
    path: Path | str, *, sample_rate: int = SAMPLE_RATE, max_duration_s: float | None = None
) -> np.ndarray:
    """Decode a file (MP3, FLAC, WAV, OGG, ...) to one channel at one sample rate.

    Parameters
    ----------
    max_duration_s : float, optional
        A longer file is refused, by its header where that tells, and never
        decoded much further than this.

    Returns
    -------
    np.ndarray, shape (n_samples,), float32
        The mean of the channels, resampled by soxr (HQ), normally in -1..1.

    Raises
    ------
    InputError
        If the file is missing, empty, not audio, too long, cut short or holds
        NaN or infinity; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is missing")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is an empty file (0 bytes)")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} may not be read by this user: change its permissions")
    signal, rate = _decode(path, max_duration_s)
    if len(signal) == 0:
        raise InputError(f"{path} holds no audio")
    if not np.isfinite(signal).all():
        raise InputError(f"{path} holds samples that are not numbers (NaN or infinity)")
    if rate != sample_rate:
        signal = soxr.resample(signal, rate, sample_rate, quality="HQ")
    return np.ascontiguousarray(signal, dtype=np.float32)


def _decode(path: Path, max_duration_s: float | None) -> tuple[np.ndarray, int]:
    """The whole file's mono samples and its sample rate."""
    try:
        with open_sound(path) as file:
            rate, is_mp3 = file.samplerate, file.format == "MP3"
            announced_s = (file.frames if 0 < file.frames < 2**62 else 0) / rate
            _check_length(path, announced_s, max_duration_s)
            signal = _joined(_blocks(file), rate, max_duration_s)
    except (soundfile.SoundFileError, RuntimeError):
        # libsndfile's own words mislead: it says that a text file "does not exist".
        raise InputError(f"{path} is not audio that can be decoded, or is damaged") from None
    _check_length(path, len(signal) / rate, max_duration_s)
    walk = walk_frames(path.read_bytes()) if is_mp3 else None
    if walk and not walk.lacking and len(signal) / rate < walk.duration_s - _TOLERANCE_S:
        _check_length(path, walk.duration_s, max_duration_s)
        signal = _decode_by_ffmpeg(path, rate, max_duration_s)
        # FFmpeg may find more than the walk, which ends at the first bytes that are no frame.
        _check_length(path, len(signal) / rate, max_duration_s)
    decoded_s = len(signal) / rate
    if share := share_present(path):  # of WAV and AIFF libsndfile announces what is left
        announced_s = max(announced_s, decoded_s / share)
    if decoded_s < announced_s - _TOLERANCE_S:
        raise InputError(
            f"{path} is cut short: {decoded_s:.1f} s decoded of the {announced_s:.1f} s that its "
            "header announces"
        )
    if walk and walk.lacking and not _nearly_whole(walk, decoded_s, announced_s):
        raise InputError(f"{path} is cut short: its last MP3 frame breaks off at {decoded_s:.1f} s")
    if ogg_is_cut(path):
        raise InputError(f"{path} is cut short: its Ogg stream breaks off at {decoded_s:.1f} s")
    return signal, rate


def _nearly_whole(walk: Walk, decoded_s: float, announced_s: float) -> bool:
    """Whether only some bytes of the last frame are missing, as in many an MP3 file on the web.

    Only a header that counts the frames can tell that from a download that broke off.
    """
    whole_s = max(announced_s, walk.duration_s) - _TOLERANCE_S
    return walk.counted and walk.lacking <= _FEW_BYTES and decoded_s >= whole_s


def _blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """Mono samples of an open file, block by block."""
    size = int(_BLOCK_S * file.samplerate)
    while len(channels := file.read(size, dtype="float32", always_2d=True)):
        yield _mono(channels)


def _joined(blocks: Iterable[np.ndarray], rate: int, max_duration_s: float | None) -> np.ndarray:
    """All blocks, or those up to the one that passes the longest duration: memory is bounded."""
    limit = np.inf if max_duration_s is None else max_duration_s * rate
    taken, n_samples = [], 0
    for block in blocks:
        taken.append(block)
        n_samples += len(block)
        if n_samples > limit:
            break
    return np.concatenate(taken) if taken else np.zeros(0, dtype=np.float32)


def _check_length(path: Path, duration_s: float, max_duration_s: float | None) -> None:
    if max_duration_s is not None and duration_s > max_duration_s:
        raise InputError(
            f"{path} lasts {duration_s / 60:.1f} minutes; at most {max_duration_s / 60:g} are "
            "taken: cut it in parts"
        )


def _decode_by_ffmpeg(path: Path, rate: int, max_duration_s: float | None) -> np.ndarray:
    """Mono samples of an MP3 file of which libsndfile decodes a part only (see `mp3`)."""
    import av  # comes with faster-whisper; its libraries are FFmpeg's

    try:
        with av.open(str(path)) as container:
            frames = (_mono(frame.to_ndarray().T) for frame in container.decode(audio=0))
            signal = _joined(frames, rate, max_duration_s)
    except av.error.FFmpegError:
        raise InputError(f"{path} is not audio that can be decoded, or is damaged") from None
    return signal.astype(np.float32, copy=False)


def _mono(channels: np.ndarray) -> np.ndarray:
    """Mean of the columns; adding two columns is 10 x faster than ``mean(axis=1)``."""
    if channels.shape[1] == 1:
        return channels[:, 0]
    total = channels[:, 0] + channels[:, 1]
    for column in range(2, channels.shape[1]):
        total += channels[:, column]
    return total / np.float32(channels.shape[1])
