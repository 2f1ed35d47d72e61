"""Do speech embeddings tell where in the window a segment lies, and how long the recording is?

    python benchmarks/speech_embeddings.py [--data data/demo] [--limit 0] [--layers 0,3,-1]
                                           [--n-threads 2] [--json FILE]

The length of a recording goes with its level, so an embedding must not tell it.
Here every recording is cut to a random length that has nothing to do with what
is said (6 s to 26 s), embedded, and two things are predicted from embeddings of
speakers who were not trained on (ridge regression, mean R2 of random halves of
the speakers; 0: nothing can be told, 1: all): the place of each segment in its
window, and from the mean over a recording the length of the cut.

Compared: the last window filled up with silence or not filled up, and the place
taken out (`PlaceEraser`, learnt from the training speakers) or left in. What
else the embeddings hold is shown by how often the recording that is most alike
is of the same speaker. Prints a table; the last line is JSON.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupShuffleSplit
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from spoken_cefr.corpus.metadata import read_metadata
from spoken_cefr.neural_networks.embeddings.encoders import SAMPLE_RATE, load_frame_encoder
from spoken_cefr.neural_networks.embeddings.places import PlaceEraser, cosines
from spoken_cefr.neural_networks.embeddings.speech import (
    WINDOW_S,
    SpeechEncoder,
    encode,
    pool_frames,
)
from spoken_cefr.paths import under_root
from spoken_cefr.processing.decoding import load_audio
from spoken_cefr.progress import progress

SHORTEST_S, LONGEST_S = 6.0, 26.0
SEGMENT_S, STEP_S = 1.0, 0.5
N_HALVES = 5


def random_cuts(data: Path, limit: int) -> tuple[list[np.ndarray], np.ndarray]:
    """A piece of random length and start of each recording, and who speaks."""
    metadata = read_metadata(data / "scraping" / "metadata.csv").query("usable")
    metadata = metadata.head(limit or None)
    rng = np.random.default_rng(0)
    signals = []
    for file_name in metadata["file_name"]:
        signal = load_audio(data / "scraping" / file_name)
        length_s = rng.uniform(SHORTEST_S, min(LONGEST_S, len(signal) / SAMPLE_RATE))
        n = int(length_s * SAMPLE_RATE)
        first = rng.integers(len(signal) - n + 1)
        signals.append(signal[first : first + n])
    return signals, metadata["speaker_id"].to_numpy()


def embed(signal: np.ndarray, encoder: SpeechEncoder, *, pad: bool) -> np.ndarray:
    """Segments of one piece, which fits into one window, shape (n, n_features)."""
    start_s = np.arange(0, len(signal) / SAMPLE_RATE - SEGMENT_S, STEP_S)
    frames = encode(signal[None], encoder=encoder, pad=pad)[0]
    return pool_frames(frames, start_s, start_s + SEGMENT_S)


def leaks(rows: list[np.ndarray], speakers: np.ndarray, *, erase: bool) -> dict[str, float]:
    """What speakers who were not trained on give away, mean over random halves."""
    owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    x = np.concatenate(rows)
    middle_s = np.concatenate([np.arange(len(row)) * STEP_S + SEGMENT_S / 2 for row in rows])
    length_s = np.array([len(row) for row in rows]) * STEP_S
    halves = GroupShuffleSplit(N_HALVES, test_size=0.5, random_state=0)
    found = []
    for train, test in halves.split(length_s, groups=speakers):
        trained = np.isin(owner, train)
        erased = x
        if erase:
            place = cosines(middle_s / WINDOW_S)
            erased = PlaceEraser.fit(x[trained], place[trained])(x)
        means = np.stack([erased[owner == i].mean(axis=0) for i in range(len(rows))])
        _, nearest = NearestNeighbors(n_neighbors=2).fit(means[test]).kneighbors(means[test])
        found.append(
            {
                "place_r2": _r2(erased, middle_s, trained, ~trained),
                "length_r2": _r2(means, length_s, train, test),
                "same_speaker": float((speakers[test][nearest[:, 1]] == speakers[test]).mean()),
            }
        )
    return pd.DataFrame(found).mean().round(3).to_dict()


def _r2(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 6, 13)))
    return r2_score(y[test], model.fit(x[train], y[train]).predict(x[test]))


def measure(data: Path, *, limit: int, layers: list[int]) -> list[dict[str, Any]]:
    """One row for each layer, filling and treatment."""
    signals, speakers = random_cuts(data, limit)
    results = []
    for layer in layers:
        device = torch.device("cpu")
        frames = load_frame_encoder(
            "whisper", layer=layer, whisper_model="offline-base", device=device
        )
        encoder = SpeechEncoder(frames, device)
        for pad in (True, False):
            bar = progress(signals, desc=f"layer {layer}, pad {pad}", unit="recording")
            rows = [embed(signal, encoder, pad=pad) for signal in bar]
            for erase in (False, True):
                case = {"layer": layer, "silence_after": pad, "place_erased": erase}
                results.append(case | leaks(rows, speakers, erase=erase))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--data", default="data/demo", help="a profile's folder, scraped")
    parser.add_argument("--limit", type=int, default=0, help="recordings, 0 for all")
    parser.add_argument("--layers", default="0,3,-1", help="hidden states of whisper-base")
    parser.add_argument("--n-threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the result there as well")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.n_threads)
    layers = [int(layer) for layer in arguments.layers.split(",")]
    results = measure(under_root(arguments.data), limit=arguments.limit, layers=layers)
    print(pd.DataFrame(results).to_string(index=False))
    line = json.dumps(results, sort_keys=True)
    if arguments.json:
        arguments.json.write_text(line + "\n", encoding="utf-8")
    print(line)


if __name__ == "__main__":
    main()
