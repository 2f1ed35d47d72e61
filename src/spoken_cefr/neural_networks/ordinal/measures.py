"""Ordinal regression on the measures: missing values filled in, the penalty chosen."""

from collections.abc import Mapping

import numpy as np
from sklearn.metrics import f1_score

from spoken_cefr.neural_networks.ordinal.regression import OrdinalRegression

# Penalties that validation chooses from. With 25 measures and few recordings, strong ones win.
PENALTIES: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0)
CLIP = 4.0  # standard deviations: one odd measure cannot decide alone


class OrdinalMeasures:
    """Ordinal regression that fills in what is not defined by the median of train.

    Parameters
    ----------
    n_classes : int
        Classes that train does not hold get probability 0.
    """

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes

    def fit(
        self,
        measures: np.ndarray,
        codes: np.ndarray,
        *,
        validation: tuple[np.ndarray, np.ndarray],
        sample_weight: np.ndarray | None = None,
    ) -> "OrdinalMeasures":
        """Fit with each penalty; keep the best validation macro-F1, the stronger one in a tie.

        Parameters
        ----------
        measures : np.ndarray, shape (n, n_measures)
            NaN where a measure is not defined.
        codes : np.ndarray, shape (n,), int
        validation : tuple
            Measures and codes of the validation part.
        """
        known = np.isfinite(measures).any(axis=0)
        self.medians = np.zeros(measures.shape[1])
        self.medians[known] = np.nanmedian(measures[:, known], axis=0)
        self.seen, compact = np.unique(codes, return_inverse=True)
        best = -1.0
        for penalty in sorted(PENALTIES, reverse=True):
            model = OrdinalRegression(len(self.seen), l2=penalty, clip=CLIP)
            model.fit(self._filled(measures), compact, sample_weight=sample_weight)
            predicted = self.seen[model.predict_proba(self._filled(validation[0])).argmax(axis=1)]
            score = f1_score(
                validation[1],
                predicted,
                labels=np.unique(validation[1]),
                average="macro",
                zero_division=0,
            )
            if score > best:
                best, self.model, self.penalty = score, model, penalty
        return self

    def predict_proba(self, measures: np.ndarray) -> np.ndarray:
        """Probability of each class, shape (n, n_classes)."""
        probabilities = np.zeros((len(measures), self.n_classes))
        probabilities[:, self.seen] = self.model.predict_proba(self._filled(measures))
        return probabilities

    def state(self) -> dict[str, np.ndarray]:
        """All that `from_state` needs."""
        ours = {"medians": self.medians, "seen": self.seen.astype(np.float64)}
        return ours | {f"regression.{name}": a for name, a in self.model.state().items()}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray], *, n_classes: int) -> "OrdinalMeasures":
        """The fitted model that ``state`` came from.

        Raises
        ------
        ValueError
            If an array is missing or does not fit.
        """
        missing = [name for name in ("medians", "seen") if name not in state]
        if missing:
            raise ValueError(f"array {missing[0]!r} is missing")
        model = cls(n_classes)
        model.medians, model.seen = state["medians"], state["seen"].astype(np.int64)
        start = "regression."
        model.model = OrdinalRegression.from_state(
            {name.removeprefix(start): a for name, a in state.items() if name.startswith(start)}
        )
        return model

    def _filled(self, measures: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(measures), measures, self.medians)
