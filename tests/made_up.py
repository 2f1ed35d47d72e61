"""Made-up rows that several tests of the networks learn from."""

import numpy as np
import pandas as pd
import torch

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.neural_networks.embeddings.torchaudio_cpu import import_torchaudio
from spoken_cefr.neural_networks.training.examples import Bags, Rows, Store

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


def made_up_corpus(*, n=24, seed=0):
    """Segments and split of n recordings of 2 to 9 segments; every level in every part."""
    rng = np.random.default_rng(seed)
    split = pd.DataFrame(
        {
            "recording_id": [f"{9000 + i}" for i in range(n)],
            "speaker_id": [f"spk_{i // 2}" for i in range(n)],
            "level": np.resize(TARGET_LEVELS, n),
            "fold": 0,
            "part": np.array(["train"] * (n - 10) + ["validation"] * 5 + ["test"] * 5),
        }
    )
    counts = rng.integers(2, 10, size=n)
    segments = split.loc[split.index.repeat(counts), ["recording_id", "speaker_id", "level"]]
    segments = segments.reset_index(drop=True)
    number = segments.groupby("recording_id").cumcount()
    segments["segment_id"] = segments["recording_id"] + "_" + number.astype(str).str.zfill(4)
    segments["start_s"] = number * 0.5
    segments["end_s"] = segments["start_s"] + 1.0
    segments["text"] = "mot"
    return segments, split


def tiny_wav2vec2():
    """The real architecture at a tiny size with random weights, and Hugging Face's twin of it."""
    import_torchaudio()  # before transformers, which would import it by itself
    from torchaudio.models.wav2vec2.utils import import_huggingface_model
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    torch.manual_seed(0)
    original = Wav2Vec2Model(
        Wav2Vec2Config(
            hidden_size=24,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=32,
            conv_dim=(16,) * 7,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
        )
    ).eval()
    return import_huggingface_model(original).eval(), original
