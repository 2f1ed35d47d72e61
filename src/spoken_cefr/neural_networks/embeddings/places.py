"""Taking the place within the encoder's window out of embeddings.

Whisper's encoder adds its position to every frame, and on the demo the first
four principal components of its embeddings were the place in the window. A
longer recording reaches further, so that place gives the length away, which
goes with the level. `PlaceEraser` projects those directions out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# Cosines over the window, the fastest with a period of 2 s. Faster ones are
# averaged out in a segment of 1 s; with only the slowest eight, the phase of
# the 2 s was still told by the nearest neighbours (demo).
N_COSINES = 30
# A direction is taken out if the place explains at least this share of its
# variance. On the demo it explains 0.95 and more of seven of Whisper base's 512
# directions, and less than 0.3 of every other: those hold what else is heard.
MIN_SHARE = 0.2
# Of the strongest covariance; below it, the share is that of noise with noise.
MIN_STRENGTH = 0.02


def cosines(place: np.ndarray) -> np.ndarray:
    """The place as numbers of which a smooth function of it is a weighted sum.

    Places (n,) from 0 (the window begins) to 1 (it ends, 30 s later) -> cos(pi k place)
    for k from 1, (n, N_COSINES), float64.
    """
    return np.cos(np.pi * np.arange(1, N_COSINES + 1) * np.asarray(place)[:, None])


def place_s(places: np.ndarray) -> np.ndarray:
    """The place back from its `cosines`, in seconds from the start of the window, shape (n,)."""
    return np.arccos(np.clip(places[:, 0], -1.0, 1.0)) / np.pi * 30.0


@dataclass(frozen=True)
class PlaceEraser:
    """Projects embeddings onto what does not covary with the place.

    Method: Shao, Ziser and Cohen (2023), "Gold Doesn't Always Glitter: Spectral
    Removal of Linear and Nonlinear Guarded Attribute Information", EACL, arXiv
    2203.07893 (SAL), with a rule of our own for how many directions, see `MIN_SHARE`.

    ``mean`` (n_features,) of the rows that it was fitted on stays where it is; the
    orthonormal ``directions`` (n_features, k) are taken out. Both are float32.
    """

    mean: np.ndarray
    directions: np.ndarray

    @classmethod
    def fit(cls, embeddings: np.ndarray, places: np.ndarray) -> "PlaceEraser":
        """Find the directions that covary with the place, in training rows only.

        From embeddings (n, n_features) and the `cosines` of each row, (n, k).
        """
        mean = embeddings.mean(axis=0, dtype=np.float64)
        x = embeddings - mean
        z = places - places.mean(axis=0, dtype=np.float64)
        directions, strengths, _ = np.linalg.svd(x.T @ z / len(x), full_matrices=False)
        amounts = x @ directions
        explained = z @ np.linalg.lstsq(z, amounts, rcond=None)[0]
        variance = np.maximum(amounts.var(axis=0), np.finfo(np.float32).tiny)
        kept = explained.var(axis=0) / variance >= MIN_SHARE
        kept &= strengths >= MIN_STRENGTH * max(strengths[0], np.finfo(np.float32).tiny)
        return cls(mean.astype(np.float32), directions[:, kept].astype(np.float32))

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings without the place, shape as given, float32."""
        amounts = (embeddings - self.mean) @ self.directions
        return (embeddings - amounts @ self.directions.T).astype(np.float32)

    def state(self) -> dict[str, np.ndarray]:
        """What was fitted, as arrays for a safetensors file."""
        return {"mean": self.mean, "directions": np.ascontiguousarray(self.directions)}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> "PlaceEraser":
        """The inverse of `state`."""
        return cls(np.asarray(state["mean"]), np.asarray(state["directions"]))
