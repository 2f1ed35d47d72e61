"""Ordinal logistic regression: one direction through the measures, and cuts along it.

The cumulative logit (proportional odds) model: with eta = w.z of the standardised
measures z, P(level <= k) = sigma(cut_k - eta). It knows that B1 lies between A2
and B2, and needs one weight a measure, so that a few hundred recordings are enough.

McCullagh (1980), "Regression models for ordinal data", JRSS B 42(2), 109-142.
"""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit

STATE = ("means", "scales", "clip", "weights", "cuts")


class OrdinalRegression:
    """Cumulative logit regression with an L2 penalty on the weights.

    Parameters
    ----------
    n_classes : int >= 2
    l2 : float >= 0
        Half of it times the squared weights (of standardised inputs) is added
        to the summed negative log-likelihood: scikit-learn's 1 / C.
    clip : float > 0
        Standardised inputs are cut off at plus and minus this many standard
        deviations, in `fit` and after: one odd measure cannot decide alone.
    """

    def __init__(self, n_classes: int, *, l2: float = 1.0, clip: float = np.inf) -> None:
        if n_classes < 2:
            raise ValueError(f"{n_classes} classes: an ordinal regression needs two or more")
        self.n_classes = n_classes
        self.l2 = l2
        self.clip = float(clip)

    def fit(
        self, inputs: np.ndarray, codes: np.ndarray, *, sample_weight: np.ndarray | None = None
    ) -> "OrdinalRegression":
        """Find weights and cuts by L-BFGS with the exact gradient.

        Parameters
        ----------
        inputs : np.ndarray, shape (n, d)
            In any units; they are standardised here.
        codes : np.ndarray, shape (n,), int
            From 0 to ``n_classes - 1``, in the order of the levels.
        sample_weight : np.ndarray, shape (n,), optional

        Raises
        ------
        ValueError
            If an input is not finite, a class has no example, a code is out of
            range or the lengths differ.
        """
        inputs, codes = np.asarray(inputs, dtype=np.float64), np.asarray(codes)
        weight = np.ones(len(codes)) if sample_weight is None else np.asarray(sample_weight)
        _check(inputs, codes, weight, self.n_classes)
        self.means = inputs.mean(axis=0)
        spread = inputs.std(axis=0)
        self.scales = np.where(spread > 1e-12 * np.maximum(1.0, abs(self.means)), spread, 1.0)
        z = self._standardised(inputs)
        start = np.concatenate([np.zeros(z.shape[1]), _first_cuts(codes, weight, self.n_classes)])
        found = minimize(
            penalised_loss,
            start,
            args=(z, codes, weight, self.l2),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-12, "gtol": 1e-6},
        )
        self.weights, free = np.split(found.x, [z.shape[1]])
        self.cuts = cuts_of(free)
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        """Probability of each class. (n, d) -> (n, n_classes), float64, rows add up to 1."""
        return self.probabilities_at(self.decision(inputs))

    def probabilities_at(self, places: np.ndarray) -> np.ndarray:
        """Probability of each class at places on the scale of the cuts. (n,) -> (n, n_classes)"""
        below = expit(self.cuts[None, :] - np.asarray(places, dtype=np.float64)[:, None])
        edges = np.pad(below, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
        return np.diff(edges, axis=1)

    def decision(self, inputs: np.ndarray) -> np.ndarray:
        """Place of each row on the scale of the cuts (eta). (n, d) -> (n,)

        Raises
        ------
        ValueError
            If an input is not finite or has another number of columns.
        """
        inputs = np.asarray(inputs, dtype=np.float64)
        if inputs.ndim != 2 or inputs.shape[1] != self.weights.size:
            raise ValueError(f"inputs have shape {inputs.shape}, expected (n, {self.weights.size})")
        if not np.isfinite(inputs).all():
            raise ValueError(f"row {_first_bad_row(inputs)} of the inputs is not finite")
        return self._standardised(inputs) @ self.weights

    def state(self) -> dict[str, np.ndarray]:
        """All that `from_state` needs, as float64 arrays (for safetensors)."""
        return {name: np.atleast_1d(np.asarray(getattr(self, name), float)) for name in STATE}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray]) -> "OrdinalRegression":
        """The fitted model that `state` came from; gives the same probabilities.

        Raises
        ------
        ValueError
            If an array is missing, of another shape or impossible.
        """
        missing = [name for name in STATE if name not in state]
        if missing:
            raise ValueError(f"array {missing[0]!r} of the ordinal regression is missing")
        means, scales, clip, weights, cuts = (np.asarray(state[name], float) for name in STATE)
        if means.ndim != 1 or not means.shape == scales.shape == weights.shape or clip.size != 1:
            raise ValueError("the arrays of the ordinal regression do not fit together")
        known = all(np.isfinite(a).all() for a in (means, scales, weights, cuts))
        if not known or (scales <= 0).any() or (np.diff(cuts) <= 0).any() or not clip[0] > 0:
            raise ValueError("the arrays of the ordinal regression hold impossible values")
        model = cls(cuts.size + 1, clip=float(clip[0]))
        model.means, model.scales, model.weights, model.cuts = means, scales, weights, cuts
        return model

    def _standardised(self, inputs: np.ndarray) -> np.ndarray:
        return np.clip((inputs - self.means) / self.scales, -self.clip, self.clip)


def cuts_of(free: np.ndarray) -> np.ndarray:
    """First cut and logarithms of the gaps -> ascending cuts. (k - 1,) -> (k - 1,)"""
    return np.cumsum(np.concatenate([free[:1], np.exp(free[1:])]))


def penalised_loss(
    parameters: np.ndarray, z: np.ndarray, codes: np.ndarray, weight: np.ndarray, l2: float
) -> tuple[float, np.ndarray]:
    """Summed negative log-likelihood with the penalty, and its gradient.

    With a = cut_k - eta and b = cut_{k-1} - eta,
    sigma(a) - sigma(b) = sigma(a) sigma(-b) (1 - exp(b - a)): three factors whose
    logarithms are exact however small the difference is.

    Parameters
    ----------
    parameters : np.ndarray, shape (d + n_classes - 1,)
        Weights, then what `cuts_of` takes.
    """
    weights, free = np.split(parameters, [z.shape[1]])
    cuts, gaps = cuts_of(free), np.exp(free[1:])
    eta = z @ weights
    upper, lower = codes < cuts.size, codes > 0
    a = cuts[codes[upper]] - eta[upper]
    b = cuts[codes[lower] - 1] - eta[lower]
    inner = np.bincount(codes, weights=weight, minlength=cuts.size + 1)[1:-1]
    likelihood = (weight[upper] * log_expit(a)).sum() + (weight[lower] * log_expit(-b)).sum()
    likelihood += (inner * np.log(-np.expm1(-gaps))).sum()
    at_a, at_b = weight[upper] * expit(-a), -weight[lower] * expit(b)
    by_eta = np.zeros_like(eta)
    by_eta[upper] -= at_a
    by_eta[lower] -= at_b
    by_cut = np.bincount(codes[upper], weights=at_a, minlength=cuts.size)
    by_cut += np.bincount(codes[lower] - 1, weights=at_b, minlength=cuts.size)
    # Every cut from the j-th on moves with the j-th gap.
    by_free = by_cut[::-1].cumsum()[::-1]
    by_free[1:] = gaps * (by_free[1:] + inner / np.expm1(gaps))
    gradient = np.concatenate([z.T @ by_eta - l2 * weights, by_free])
    return -(likelihood - l2 / 2 * weights @ weights), -gradient


def _first_cuts(codes: np.ndarray, weight: np.ndarray, n_classes: int) -> np.ndarray:
    """The cuts that give each class its share when nothing else is known."""
    counts = np.bincount(codes, weights=weight, minlength=n_classes)
    below = np.cumsum(counts)[:-1] / counts.sum()
    cuts = np.log(below / (1 - below))
    return np.concatenate([cuts[:1], np.log(np.diff(cuts))])


def _check(inputs: np.ndarray, codes: np.ndarray, weight: np.ndarray, n_classes: int) -> None:
    if inputs.ndim != 2 or codes.shape != inputs.shape[:1] or weight.shape != codes.shape:
        raise ValueError(f"inputs have shape {inputs.shape} but codes {codes.shape}")
    if not np.isfinite(inputs).all():
        raise ValueError(f"row {_first_bad_row(inputs)} of the inputs is not finite")
    if codes.size and (codes.min() < 0 or codes.max() >= n_classes):
        raise ValueError(f"a code is not one of 0 to {n_classes - 1}")
    empty = np.flatnonzero(np.bincount(codes, weights=weight, minlength=n_classes) == 0)
    if empty.size:
        raise ValueError(f"class {empty[0]} of {n_classes} has no example to learn from")


def _first_bad_row(inputs: np.ndarray) -> int:
    return int(np.flatnonzero(~np.isfinite(inputs).all(axis=1))[0])
