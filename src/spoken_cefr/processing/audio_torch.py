"""The audio chain on torch tensors: `audio`'s functions call these for anything on a device.

The numbers are those of `audio` (the noise apart, whose generator is torch's);
tensors stay on the device that they came on. Only constants travel: the
windows, the mel matrix and the weights of the image, once for each device.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from spoken_cefr.processing.audio import (
    MIN_POWER,
    TOP_DB,
    mel_matrix,
    resize_weights,
    segment_count,
    window_table,
)

# Segments transformed at once: their frames take 130 kB each at the study's settings.
_CHUNK = 1024


def segment(signal: Tensor, *, length: int, step: int) -> Tensor:
    """See `audio.segment`; ``length`` and ``step`` in samples. -> view (n, length)"""
    n = segment_count(len(signal), length, step)
    if n == 0:
        return signal.new_zeros((0, length))
    missing = (n - 1) * step + length - len(signal)
    return pad(signal, (0, missing)).unfold(0, length, step)


def hann(segments: Tensor) -> Tensor:
    """See `audio.hann`."""
    n_samples = segments.shape[-1]
    return segments * torch.hann_window(n_samples, periodic=False, device=segments.device)


def add_white_noise(segments: Tensor, *, seed: int | list[int], ratio: float) -> Tensor:
    """See `audio.add_white_noise`: as loud, from another generator."""
    generator = torch.Generator(segments.device)
    generator.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
    noise = torch.randn(segments.shape, generator=generator, device=segments.device)
    noise *= ratio * segments.std(dim=-1, keepdim=True, correction=0)
    return noise.add_(segments)


def log_mel(
    segments: Tensor,
    sample_rate: int,
    *,
    n_fft: int,
    hop_length: int,
    n_mels: int,
    segment_window: bool,
) -> Tensor:
    """See `audio.log_mel`. -> (n, n_mels, n_frames), float32"""
    n_samples, device = segments.shape[-1], str(segments.device)
    table = _window_table(n_samples, n_fft, hop_length, segment_window, device)
    matrix = _mel_matrix(sample_rate, n_fft, n_mels, device)
    if len(segments) == 0:
        return segments.new_zeros((0, n_mels, len(table)))
    parts = []
    for chunk in segments.float().split(_CHUNK):
        frames = pad(chunk, (n_fft // 2, n_fft // 2)).unfold(-1, n_fft, hop_length) * table
        parts.append(_relative_db(torch.fft.rfft(frames).abs().square() @ matrix))
    return torch.cat(parts).transpose(1, 2).contiguous()


def _relative_db(power: Tensor) -> Tensor:
    power = power.clamp_(min=MIN_POWER)
    power /= power.amax(dim=(1, 2), keepdim=True)
    return power.clamp_(min=10 ** (-TOP_DB / 10)).log10_().mul_(10)


def to_image(log_mel: Tensor, size: int) -> Tensor:
    """See `audio.to_image`. -> (n, size, size), float32"""
    _, n_mels, n_frames = log_mel.shape
    device = str(log_mel.device)
    down = _resize_weights(n_mels, size, device).flip(1)
    image = down @ log_mel @ _resize_weights(n_frames, size, device).T
    image = image - image.amin(dim=(1, 2), keepdim=True)
    spread = image.amax(dim=(1, 2), keepdim=True)
    return image / torch.where(spread > 1e-3, spread, torch.inf)


@lru_cache(maxsize=8)
def _window_table(
    n_samples: int, n_fft: int, hop_length: int, segment_window: bool, device: str
) -> Tensor:
    return _constant(window_table(n_samples, n_fft, hop_length, segment_window), device)


@lru_cache(maxsize=8)
def _mel_matrix(sample_rate: int, n_fft: int, n_mels: int, device: str) -> Tensor:
    return _constant(mel_matrix(sample_rate, n_fft, n_mels), device)


@lru_cache(maxsize=16)
def _resize_weights(n_in: int, n_out: int, device: str) -> Tensor:
    return _constant(resize_weights(n_in, n_out), device)


def _constant(values: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(device)
