"""The audio chain: a file becomes segments, segments become log-mel spectrograms and images.

Arrays in, arrays out; only `load_audio` reads a file. Signals are mono float32
in -1..1, segments have shape (n, samples), spectrograms (n, n_mels, n_frames).
Parameters are those of the original study (Manseri and Silai, 2025).
"""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from scipy.signal.windows import hann as hann_window

from spoken_cefr.processing.decoding import load_audio as load_audio  # the chain begins with it

N_FFT = 1024
HOP_LENGTH = 512
N_MELS = 128
NOISE_RATIO = 0.025  # standard deviation of the noise / that of the segment
TOP_DB = 80.0  # everything fainter than this below the peak is raised to it
MIN_POWER = 1e-10  # librosa's `amin`: keeps log10 finite

# Segments worked on at once: the buffers of so many stay in the processor's cache.
_CHUNK = 8
# The mel matrix is 98 % zeros: cut in so many blocks of neighbouring bands, each block
# multiplies only the frequency bins that its bands touch.
_MEL_BLOCKS = 8


def segment_length(sample_rate: int, length_s: float, overlap: float) -> tuple[int, int]:
    """Length of a segment and step from one to the next, in samples (both at least 1)."""
    if not length_s > 0 or not 0 <= overlap < 1:
        raise ValueError(f"length_s {length_s} must be over 0, overlap {overlap} in 0..1 (not 1)")
    length = max(1, round(length_s * sample_rate))
    return length, max(1, round(length * (1 - overlap)))


def segment_count(n_samples: int, length: int, step: int) -> int:
    """The fewest segments that cover every sample (0 for no sample)."""
    if n_samples <= 0:
        return 0
    return 1 + max(0, -(-(n_samples - length) // step))


def segment(
    signal: np.ndarray, sample_rate: int, *, length_s: float = 1.0, overlap: float = 0.5
) -> np.ndarray:
    """Cut a signal in segments of one length that overlap; zeros fill the last one.

    Parameters
    ----------
    signal : np.ndarray, shape (n_samples,)
    length_s : float > 0
    overlap : float, 0 <= overlap < 1
        Part of a segment that the next one repeats.

    Returns
    -------
    np.ndarray, shape (n, samples)
        A read-only view; segment ``i`` starts at sample ``i * step``. Every
        sample is in at least one segment. ``n`` is 0 for an empty signal.
    """
    length, step = segment_length(sample_rate, length_s, overlap)
    n = segment_count(len(signal), length, step)
    if n == 0:
        return np.zeros((0, length), dtype=signal.dtype)
    missing = (n - 1) * step + length - len(signal)
    if missing:
        signal = np.concatenate([signal, np.zeros(missing, dtype=signal.dtype)])
    return sliding_window_view(signal, length)[::step]


def hann(segments: np.ndarray) -> np.ndarray:
    """Multiply each segment by one symmetric Hann window as long as the segment.

    `log_mel` does this by itself; the function is for looking at the result.
    """
    return segments * hann_window(segments.shape[-1]).astype(np.float32)


def add_white_noise(
    segments: np.ndarray, *, seed: int | list[int], ratio: float = NOISE_RATIO
) -> np.ndarray:
    """Add Gaussian noise to segments (n, samples), in proportion to the loudness of each.

    ``ratio`` is the noise's standard deviation over that of the segment (0.025: 32 dB below it).
    """
    noise = np.random.default_rng(seed).standard_normal(segments.shape, dtype=np.float32)
    noise *= ratio * segments.std(axis=-1, keepdims=True)
    noise += segments
    return noise


def log_mel(
    segments: np.ndarray,
    sample_rate: int,
    *,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    n_mels: int = N_MELS,
    segment_window: bool = True,
) -> np.ndarray:
    """Mel power spectrogram of each segment, in dB relative to the segment's own peak.

    Within 0.01 dB of ``librosa.feature.melspectrogram`` (frames centred, zeros beyond both ends)
    and ``librosa.power_to_db(ref=np.max, top_db=80)`` called on one segment at a time. As there,
    powers below 1e-10 count as 1e-10, so a silent segment is 0 dB everywhere. With
    ``segment_window`` each segment is multiplied by a Hann window of its own length first, as the
    study did; the STFT's own (periodic) comes on top.

    Segments (n, samples), float32, may be a strided view. -> (n, n_mels, 1 + samples //
    hop_length), float32, -80..0 dB
    """
    import torch  # only for its FFT, 2 x as fast as scipy's; its import takes 1.5 s

    if n_fft % 2:
        raise ValueError(f"n_fft is {n_fft}; it must be even")
    n, n_samples = segments.shape
    segments = np.asarray(segments, dtype=np.float32)
    table = window_table(n_samples, n_fft, hop_length, segment_window)
    edges, inner = _frame_slices(n_samples, len(table), n_fft, hop_length)
    blocks = _mel_blocks(sample_rate, n_fft, n_mels)
    # Buffers for one chunk, used again and again so that they stay in the cache.
    size, n_frames = min(_CHUNK, n), len(table)
    frames = np.zeros((size, n_frames, n_fft), dtype=np.float32)
    spectrum = np.empty((size, n_frames, n_fft // 2 + 1), dtype=np.complex64)
    power = np.empty((size * n_frames, n_fft // 2 + 1), dtype=np.float32)
    bands = np.empty((size * n_frames, n_mels), dtype=np.float32)
    mel = np.empty((n, n_mels, n_frames), dtype=np.float32)
    for first in range(0, n, _CHUNK):
        chunk = segments[first : first + _CHUNK]
        k, rows = len(chunk), len(chunk) * n_frames
        for t, samples, part in edges:
            # Beyond the segment's ends the buffer is zero and stays so: nothing is padded.
            np.multiply(chunk[:, samples], table[t, part], out=frames[:k, t, part])
        if inner.stop > inner.start:
            view = _inner_frames(chunk, inner, n_fft, hop_length)
            np.multiply(view, table[inner], out=frames[:k, inner])
        torch.fft.rfft(torch.from_numpy(frames[:k]), out=torch.from_numpy(spectrum[:k]))
        np.abs(spectrum[:k].reshape(rows, -1), out=power[:rows])
        np.square(power[:rows], out=power[:rows])
        for bins, these, weights in blocks:
            np.matmul(power[:rows, bins], weights, out=bands[:rows, these])
        mel[first : first + k] = bands[:rows].reshape(k, n_frames, n_mels).transpose(0, 2, 1)
    return _relative_db(mel)


def _inner_frames(segments: np.ndarray, inner: slice, n_fft: int, hop_length: int) -> np.ndarray:
    """View (n, frames, n_fft) of the frames that lie wholly inside the segments."""
    row, item = segments.strides
    start = inner.start * hop_length - n_fft // 2
    return as_strided(
        segments[:, start:],
        shape=(len(segments), inner.stop - inner.start, n_fft),
        strides=(row, hop_length * item, item),
        writeable=False,
    )


@lru_cache(maxsize=8)
def _frame_slices(
    n_samples: int, n_frames: int, n_fft: int, hop_length: int
) -> tuple[list[tuple[int, slice, slice]], slice]:
    """Frames that leave the segment with what is left of them; the slice of those wholly inside.

    Of the first (frame, samples of the segment, their place in the frame); frame ``t`` is centred
    on sample ``t * hop_length``.
    """
    edges, inside = [], []
    for t in range(n_frames):
        start = t * hop_length - n_fft // 2
        if start >= 0 and start + n_fft <= n_samples:
            inside.append(t)
            continue
        low, high = max(start, 0), min(start + n_fft, n_samples)
        if high > low:
            edges.append((t, slice(low, high), slice(low - start, high - start)))
    return edges, slice(inside[0], inside[-1] + 1) if inside else slice(0, 0)


@lru_cache(maxsize=8)
def window_table(n_samples: int, n_fft: int, hop_length: int, segment_window: bool) -> np.ndarray:
    """Both windows in one table (n_frames, n_fft): one product instead of two."""
    segment_hann = hann_window(n_samples) if segment_window else np.ones(n_samples)
    padded = np.pad(segment_hann, n_fft // 2)
    frames = sliding_window_view(padded, n_fft)[::hop_length]
    return (frames * hann_window(n_fft, sym=False)).astype(np.float32)


@lru_cache(maxsize=8)
def mel_matrix(sample_rate: int, n_fft: int, n_mels: int) -> np.ndarray:
    """librosa's mel filters (Slaney's), shape (1 + n_fft // 2, n_mels)."""
    from librosa.filters import mel  # its import takes 2 s: only when needed

    return mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels).T


@lru_cache(maxsize=8)
def _mel_blocks(
    sample_rate: int, n_fft: int, n_mels: int
) -> tuple[tuple[slice, slice, np.ndarray], ...]:
    """librosa's mel matrix in blocks: (bins, bands, weights of shape (bins, bands))."""
    matrix = mel_matrix(sample_rate, n_fft, n_mels)
    blocks = []
    for bands in np.array_split(np.arange(n_mels), min(_MEL_BLOCKS, n_mels)):
        rows = slice(int(bands[0]), int(bands[-1]) + 1)
        used = np.flatnonzero(matrix[:, rows].any(axis=1))
        bins = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
        blocks.append((bins, rows, np.ascontiguousarray(matrix[bins, rows])))
    return tuple(blocks)


def _relative_db(power: np.ndarray) -> np.ndarray:
    """10 log10 of power over its maximum in each segment, not below -80 dB; in place."""
    np.maximum(power, MIN_POWER, out=power)
    peak = power.max(axis=(1, 2), keepdims=True)
    power /= peak
    np.maximum(power, 10 ** (-TOP_DB / 10), out=power)
    np.log10(power, out=power)
    power *= 10
    return power


def to_image(log_mel: np.ndarray, size: int) -> np.ndarray:
    """Turn spectrograms (n, n_mels, n_frames) into the study's images (n, size, size) of 0..1.

    Resized by an antialiased triangle filter (what Pillow and
    ``torch.nn.functional.interpolate(antialias=True)`` call bilinear), then stretched so that the
    faintest point of each image is 0 and the loudest 1, as matplotlib does by itself. The first row
    is the **highest** band: low frequencies are at the bottom, as on screen. A flat image is 0.
    ``size`` is 50 or 128 in the study.
    """
    _, n_mels, n_frames = log_mel.shape
    down = resize_weights(n_mels, size)[:, ::-1]  # reversed columns: flips the bands
    image = down @ log_mel @ resize_weights(n_frames, size).T
    low = image.min(axis=(1, 2), keepdims=True)
    spread = image.max(axis=(1, 2), keepdims=True) - low
    image -= low
    # Rounding leaves a spread of some 1e-5 dB in a flat spectrogram.
    image /= np.where(spread > 1e-3, spread, np.float32(np.inf))
    return image


@lru_cache(maxsize=16)
def resize_weights(n_in: int, n_out: int) -> np.ndarray:
    """Matrix (n_out, n_in) of a triangle filter, widened when it shrinks."""
    scale = n_in / n_out
    reach = max(scale, 1.0)
    centres = (np.arange(n_out) + 0.5) * scale
    distance = np.abs(np.arange(n_in) + 0.5 - centres[:, None]) / reach
    weights = np.maximum(0, 1 - distance)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
