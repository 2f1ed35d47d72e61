"""Made-up rows that several tests of the networks learn from."""

import numpy as np
import pandas as pd
import torch

from spoken_cefr.levels import TARGET_LEVELS
from spoken_cefr.neural_networks.examples import Bags, Rows, Store

CPU = torch.device("cpu")


def separable(*, n=200, seed=0):
    """Rows (n, 8) whose class, of 5, is the place of their largest feature."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(5, size=n)
    inputs = rng.normal(scale=0.3, size=(n, 8)).astype(np.float32)
    inputs[np.arange(n), codes] += 2.0
    return inputs, codes


def rows(*, n=200, seed=0, most_bytes=None):
    """`separable` as examples, by default held on the device."""
    inputs, codes = separable(n=n, seed=seed)
    return Rows(Store(inputs, device=CPU, most_bytes=most_bytes), codes)


def bags(*, n=40, crop=0, seed=0):
    """Recordings of 2 to 9 segments, one segment of which tells the class."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(2, 10, size=n)
    firsts = np.cumsum(counts) - counts
    telling, codes = separable(n=n, seed=seed)
    inputs = rng.normal(scale=0.3, size=(counts.sum(), 8)).astype(np.float32)
    inputs[firsts + rng.integers(counts)] = telling
    store = Store(inputs, device=CPU)
    return Bags(store, firsts, counts, np.zeros((n, 0)), codes, crop=crop)


def made_up_recordings(*, n=60, n_speakers=14, seed=0):
    """Recordings whose levels are as uneven as the corpus'."""
    rng = np.random.default_rng(seed)
    levels = rng.choice(TARGET_LEVELS, size=n, p=[0.2, 0.3, 0.3, 0.13, 0.07])
    speakers = rng.integers(n_speakers, size=n)
    return pd.DataFrame(
        {
            "recording_id": [f"{9000 + i}" for i in range(n)],
            "speaker_id": [f"spk_{speaker}" for speaker in speakers],
            "level": levels,
        }
    )
