"""Speech embeddings of segments from the Whisper encoder.

One encoder pass covers 30 s; its frames (20 ms each) are pooled over each
segment. A segment so keeps its context, and costs a fraction of a pass.
"""

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel

WINDOW_S = 30.0
FRAMES_PER_S = 50  # Whisper's encoder halves the 10 ms mel frames


def encode_frames(model: WhisperModel, signal: np.ndarray) -> np.ndarray:
    """Encoder frames of a whole recording.

    Parameters
    ----------
    model : WhisperModel
    signal : np.ndarray, shape (n_samples,), float32
        Mono at the encoder's rate (16 kHz).

    Returns
    -------
    np.ndarray, shape (ceil(50 x duration in s), n_features), float32
        Frames of the padding after the end are left out.
    """
    extractor = model.feature_extractor
    rate = extractor.sampling_rate
    window = int(WINDOW_S * rate)
    n_frames = int(np.ceil(len(signal) / rate * FRAMES_PER_S))
    frames = []
    for start in range(0, max(len(signal), 1), window):
        chunk = signal[start : start + window]
        padded = np.pad(chunk, (0, window - len(chunk)))
        mel = extractor(padded, padding=0)[:, : extractor.nb_max_frames]
        frames.append(_to_numpy(model.encode(mel))[0])
    return np.concatenate(frames)[:n_frames]


def pool_frames(frames: np.ndarray, start_s: np.ndarray, end_s: np.ndarray) -> np.ndarray:
    """Mean of the frames of each segment.

    Parameters
    ----------
    frames : np.ndarray, shape (n_frames, n_features)
    start_s, end_s : np.ndarray, shape (n_segments,)

    Returns
    -------
    np.ndarray, shape (n_segments, n_features), float32
        A segment shorter than a frame takes the frame that it starts in.
    """
    first = np.floor(start_s * FRAMES_PER_S + 1e-6).astype(int).clip(0, len(frames) - 1)
    last = np.ceil(end_s * FRAMES_PER_S - 1e-6).astype(int).clip(first + 1, len(frames))
    pairs = zip(first, last, strict=True)
    return np.stack([frames[i:j].mean(axis=0) for i, j in pairs]).astype(np.float32)


def _to_numpy(encoded: ctranslate2.StorageView) -> np.ndarray:
    """Copy the encoder's output, shape (n_windows, 1500, n_features), to float32."""
    return np.array(encoded.to_device(ctranslate2.Device.cpu).to(ctranslate2.DataType.float32))
