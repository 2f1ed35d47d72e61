"""Taking the place within the encoder's window out of embeddings.

Whisper's encoder adds its position to every frame, and on the demo the first
four principal components of its embeddings were the place in the window. A
longer recording reaches further, so that place gives the length away, which
goes with the level. `PlaceEraser` projects those directions out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# Cosines over the window: they hold every smooth function of the place. Less
# than a segment's length apart, places cannot be told in a mean over the segment.
N_COSINES = 8
# Of the largest singular value: below it, there is no place in the embeddings.
TOLERANCE = 1e-6


def cosines(place: np.ndarray) -> np.ndarray:
    """The place as numbers of which a smooth function of it is a weighted sum.

    Parameters
    ----------
    place : np.ndarray, shape (n,)
        From 0 (the window begins) to 1 (it ends, 30 s later).

    Returns
    -------
    np.ndarray, shape (n, N_COSINES), float64
        cos(pi k place) for k from 1.
    """
    return np.cos(np.pi * np.arange(1, N_COSINES + 1) * np.asarray(place)[:, None])


@dataclass(frozen=True)
class PlaceEraser:
    """Projects embeddings onto what does not covary with the place.

    On the rows that it was fitted on, no linear function of the embeddings
    tells anything of the place (the covariance is zero). Method: Shao, Ziser
    and Cohen (2023), "Gold Doesn't Always Glitter: Spectral Removal of Linear
    and Nonlinear Guarded Attribute Information", EACL, arXiv 2203.07893.

    Parameters
    ----------
    mean : np.ndarray, shape (n_features,), float32
        Of the rows that it was fitted on; it stays where it is.
    directions : np.ndarray, shape (n_features, k), float32
        Orthonormal; what is taken out.
    """

    mean: np.ndarray
    directions: np.ndarray

    @classmethod
    def fit(cls, embeddings: np.ndarray, places: np.ndarray) -> "PlaceEraser":
        """Find the directions that covary with the place, in training rows only.

        Parameters
        ----------
        embeddings : np.ndarray, shape (n, n_features)
        places : np.ndarray, shape (n, k)
            `cosines` of each row.
        """
        x, z = embeddings.astype(np.float64), places.astype(np.float64)
        mean = x.mean(axis=0)
        covariance = (x - mean).T @ (z - z.mean(axis=0)) / len(x)
        directions, strengths, _ = np.linalg.svd(covariance, full_matrices=False)
        kept = strengths > TOLERANCE * max(strengths[0], 1e-12)
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
