"""Speech embeddings of segments: one pass of an encoder for up to 30 s, pooled per segment.

A segment so keeps its context and costs a fraction of a pass. The study's way,
one segment at a time, is ``context="segment"``.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.embeddings.encoders import (
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    WINDOW_FRAMES,
    FrameEncoder,
    load_frame_encoder,
)
from spoken_cefr.neural_networks.embeddings.places import PlaceEraser, cosines
from spoken_cefr.neural_networks.training.devices import choose_device
from spoken_cefr.processing.audio import add_white_noise
from spoken_cefr.stages import stage_folder, written_by

FRAMES_PER_S = SAMPLE_RATE // SAMPLES_PER_FRAME
WINDOW_S = WINDOW_FRAMES / FRAMES_PER_S


@dataclass(frozen=True)
class SpeechEncoder:
    """An encoder, the device it is on, and how its frames become one vector a segment.

    ``pooling`` ("mean" or "max") is over the frames of a segment. ``context`` is what the
    encoder sees at once: "window", up to 30 s, or one "segment" (Whisper then sees it with
    silence up to 30 s, as it was trained). ``place`` takes the place in the window out; None
    leaves it in.
    """

    frames: FrameEncoder
    device: torch.device
    pooling: str = "mean"
    context: str = "window"
    place: PlaceEraser | None = None


def build_speech_encoder(config: Config, *, place: PlaceEraser | None = None) -> SpeechEncoder:
    """The encoder that the profile names, with ``place`` as it is given.

    InputError if its weights are not here and cannot be downloaded, or it has no such layer.
    """
    c = config.neural_networks
    device = choose_device(c.device)
    frames = load_frame_encoder(
        c.speech_encoder, layer=c.speech_layer, whisper_model=config.processing.model, device=device
    )
    return SpeechEncoder(
        frames, device, pooling=c.speech_pooling, context=c.speech_context, place=place
    )


def embed_signal(
    signal: np.ndarray,
    start_s: np.ndarray,
    end_s: np.ndarray,
    *,
    encoder: SpeechEncoder,
    noise_ratio: float = 0.0,
    seed: int | list[int] = 0,
) -> np.ndarray:
    """Embed the segments of one recording.

    The signal (n_samples,), float32, is the whole recording, mono, 16 kHz; segments are in
    seconds from its start, (n_segments,). ``noise_ratio`` is the standard deviation of white
    noise over that of what the encoder sees with it: the recording, or with
    ``context="segment"`` the segment (as the study). -> (n_segments, n_features), float32.
    ValueError if the signal is not mono float32, or holds no sample.
    """
    if signal.ndim != 1 or signal.dtype != np.float32 or not len(signal):
        raise ValueError(f"need mono float32, got {signal.dtype} of shape {signal.shape}")
    start_s, end_s = np.asarray(start_s, dtype=float), np.asarray(end_s, dtype=float)
    if encoder.context == "segment":
        segments = cut_segments(signal, start_s, end_s)
        if noise_ratio:
            segments = add_white_noise(segments, ratio=noise_ratio, seed=seed)
        frames = encode(segments, encoder=encoder, pad=True)
        embeddings = getattr(frames, encoder.pooling)(axis=1)
    else:
        if noise_ratio:
            signal = add_white_noise(signal[None], ratio=noise_ratio, seed=seed)[0]
        frames = encode_frames(signal, encoder=encoder)
        embeddings = pool_frames(frames, start_s, end_s, pooling=encoder.pooling)
    return embeddings if encoder.place is None else encoder.place(embeddings)


def windows(n_samples: int) -> list[tuple[int, int]]:
    """Cut a recording into as few windows of up to 30 s as will do, all of one length.

    A last window that is shorter than the others would be embedded in less context, and so
    know that it is the last. -> of each its first frame and the one after its last, in order,
    without a gap.
    """
    n_frames = -(-n_samples // SAMPLES_PER_FRAME)
    n_windows = max(1, -(-n_frames // WINDOW_FRAMES))
    edges = [round(i * n_frames / n_windows) for i in range(n_windows + 1)]
    return list(pairwise(edges))


def encode_frames(signal: np.ndarray, *, encoder: SpeechEncoder) -> np.ndarray:
    """Frames of a whole recording, window by window. -> (ceil(50 x duration in s), n_features)"""
    cuts = np.array(windows(len(signal)))
    first = cuts[:, 0] * SAMPLES_PER_FRAME
    longest = np.diff(cuts).max() * SAMPLES_PER_FRAME
    frames = encode(_padded(signal, first, first + longest), encoder=encoder)
    # wav2vec2 gives a frame less than there are strides: its last one counts twice.
    kept = [
        row[np.arange(last - first).clip(max=len(row) - 1)]
        for row, (first, last) in zip(frames, cuts, strict=True)
    ]
    return np.concatenate(kept)


def encode(signals: np.ndarray, *, encoder: SpeechEncoder, pad: bool = False) -> np.ndarray:
    """Encode signals of one length in batches. (n, n_samples) -> (n, n_frames, n_features)"""
    batches = torch.from_numpy(signals).split(encoder.frames.batch_size)
    done = [encoder.frames(batch.to(encoder.device), pad=pad).cpu() for batch in batches]
    return torch.cat(done).numpy()


def cut_segments(signal: np.ndarray, start_s: np.ndarray, end_s: np.ndarray) -> np.ndarray:
    """The samples of each segment, shape (n_segments, longest); zeros after the signal's end."""
    first = np.round(start_s * SAMPLE_RATE).astype(int)
    last = np.round(end_s * SAMPLE_RATE).astype(int)
    return _padded(signal, first, last)


def _padded(signal: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    rows = np.zeros((len(first), max(1, (last - first).max(initial=1))), dtype=np.float32)
    for row, i, j in zip(rows, first, last, strict=True):
        part = signal[i:j]
        row[: len(part)] = part
    return rows


def pool_frames(
    frames: np.ndarray, start_s: np.ndarray, end_s: np.ndarray, *, pooling: str = "mean"
) -> np.ndarray:
    """One vector a segment from the frames (n_frames, n_features) that it holds.

    -> (n_segments, n_features), float32. A segment shorter than a frame takes the frame that
    it starts in.
    """
    first = np.floor(start_s * FRAMES_PER_S + 1e-6).astype(int).clip(0, len(frames) - 1)
    last = np.ceil(end_s * FRAMES_PER_S - 1e-6).astype(int).clip(first + 1, len(frames))
    pairs = zip(first, last, strict=True)
    return np.stack([getattr(frames[i:j], pooling)(axis=0) for i, j in pairs]).astype(np.float32)


def segment_places(n_samples: int, start_s: np.ndarray, end_s: np.ndarray) -> np.ndarray:
    """Where each segment lies in its window, as `PlaceEraser.fit` takes it.

    The mean of `cosines` over the frames of the segment, as its embedding is the mean of
    their vectors. -> (n_segments, N_COSINES), float32
    """
    places = [(np.arange(last - first) + 0.5) / WINDOW_FRAMES for first, last in windows(n_samples)]
    return pool_frames(cosines(np.concatenate(places)), start_s, end_s)


def place_path(config: Config) -> Path:
    """Where the stage keeps what `PlaceEraser` learnt from the training rows."""
    return stage_folder(config, "neural_networks") / "speech_embeddings" / "place.safetensors"


def load_speech_encoder(config: Config) -> SpeechEncoder:
    """The encoder as the profile's networks were trained with it, for a new signal.

    InputError as `build_speech_encoder`, or if what the stage has kept of the place is
    missing or damaged.
    """
    if config.neural_networks.speech_context == "segment":
        return build_speech_encoder(config)
    path = written_by(place_path(config), "neural_networks")
    try:
        place = PlaceEraser.from_state(load_file(path))
    except (SafetensorError, KeyError) as error:
        raise InputError(
            f"{path} is damaged ({error}): delete it and run neural_networks again"
        ) from None
    return build_speech_encoder(config, place=place)
