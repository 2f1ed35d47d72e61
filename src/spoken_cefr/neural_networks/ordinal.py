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
from sklearn.metrics import f1_score

STATE = ("medians", "seen", "means", "scales", "clip", "weights", "cuts")
# Penalties that validation chooses from. With 25 measures and few recordings, strong ones win.
PENALTIES: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0)
CLIP = 4.0  # standard deviations: one odd measure cannot decide alone


class OrdinalRegression:
    """Cumulative logit regression with an L2 penalty on the weights.

    What is not defined (NaN) is filled in by the median of the training rows. A class that
    these lack is never answered: probability 0. Half of ``l2`` times the squared weights (of
    standardised inputs) is added to the summed negative log-likelihood: scikit-learn's 1 / C.
    Standardised inputs are cut off at plus and minus ``clip`` standard deviations, in `fit`
    and after: one odd measure cannot decide alone.
    """

    def __init__(self, n_classes: int, *, l2: float = 1.0, clip: float = np.inf) -> None:
        self.n_classes = n_classes
        self.l2 = l2
        self.clip = float(clip)

    def fit(
        self, inputs: np.ndarray, codes: np.ndarray, *, sample_weight: np.ndarray | None = None
    ) -> "OrdinalRegression":
        """Find weights and cuts by L-BFGS with the exact gradient.

        Inputs (n, d) in any units are standardised here, NaN where one is not defined; codes (n,)
        are from 0 to ``n_classes - 1`` in the order of the levels. ValueError if an input is
        infinite, all rows are of one class, a code is out of range or the lengths differ.
        """
        inputs, codes = np.asarray(inputs, dtype=np.float64), np.asarray(codes)
        weight = np.ones(len(codes)) if sample_weight is None else np.asarray(sample_weight)
        _check(inputs, codes, weight, self.n_classes)
        self.medians = _medians(inputs)
        inputs = self._filled(inputs)
        self.seen, codes = np.unique(codes, return_inverse=True)
        self.means = inputs.mean(axis=0)
        spread = inputs.std(axis=0)
        self.scales = np.where(spread > 1e-12 * np.maximum(1.0, abs(self.means)), spread, 1.0)
        z = self._standardised(inputs)
        start = np.concatenate([np.zeros(z.shape[1]), _first_cuts(codes, weight, len(self.seen))])
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
        probabilities = np.zeros((len(edges), self.n_classes))
        probabilities[:, self.seen] = np.diff(edges, axis=1)
        return probabilities

    def decision(self, inputs: np.ndarray) -> np.ndarray:
        """Place of each row on the scale of the cuts (eta). (n, d) -> (n,)

        ValueError if an input is infinite or there is another number of columns.
        """
        return self.standardised(inputs) @ self.weights

    def standardised(self, inputs: np.ndarray) -> np.ndarray:
        """What the weights are multiplied with: filled in, scaled, clipped. (n, d) -> (n, d)"""
        inputs = np.asarray(inputs, dtype=np.float64)
        if inputs.ndim != 2 or inputs.shape[1] != self.weights.size:
            raise ValueError(f"inputs have shape {inputs.shape}, expected (n, {self.weights.size})")
        _check_finite(inputs)
        return self._standardised(self._filled(inputs))

    def state(self) -> dict[str, np.ndarray]:
        """All that `from_state` needs, as float64 arrays (for safetensors)."""
        return {name: np.atleast_1d(np.asarray(getattr(self, name), float)) for name in STATE}

    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray], *, n_classes: int) -> "OrdinalRegression":
        """The fitted model that `state` came from; gives the same probabilities.

        KeyError if an array is missing, ValueError if one is of another shape or impossible.
        """
        arrays = {name: np.asarray(state[name], dtype=np.float64) for name in STATE}
        columns = [arrays[name] for name in ("medians", "means", "scales", "weights")]
        clip, seen, cuts = arrays["clip"], arrays["seen"], arrays["cuts"]
        possible = (
            clip.size == 1
            and seen.ndim == 1
            and seen.size > 1
            and cuts.shape == (seen.size - 1,)
            and all(a.shape == (arrays["weights"].size,) for a in columns)
            and np.isfinite(np.concatenate([*columns, seen, cuts])).all()
            and (np.diff(cuts) > 0).all()
            and (np.diff(seen, prepend=-1, append=n_classes) >= 1).all()
            and (arrays["scales"] > 0).all()
            and clip.item() > 0
        )
        if not possible:
            raise ValueError("the arrays of the ordinal regression do not fit together")
        model = cls(n_classes, clip=clip.item())
        model.medians, model.means, model.scales, model.weights = columns
        model.seen, model.cuts = seen.astype(np.int64), cuts
        return model

    def _filled(self, inputs: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(inputs), self.medians, inputs)

    def _standardised(self, inputs: np.ndarray) -> np.ndarray:
        return np.clip((inputs - self.means) / self.scales, -self.clip, self.clip)


def fit_best(
    inputs: np.ndarray,
    codes: np.ndarray,
    *,
    n_classes: int,
    validation: tuple[np.ndarray, np.ndarray],
    sample_weight: np.ndarray | None = None,
) -> OrdinalRegression:
    """Fit with each of `PENALTIES`; keep the best validation macro-F1, the stronger one in a tie.

    ``validation`` holds inputs and codes; the rest is as `OrdinalRegression.fit` takes it.
    """
    best, kept = -1.0, None
    for penalty in sorted(PENALTIES, reverse=True):
        model = OrdinalRegression(n_classes, l2=penalty, clip=CLIP)
        model.fit(inputs, codes, sample_weight=sample_weight)
        score = f1_score(
            validation[1],
            model.predict_proba(validation[0]).argmax(axis=1),
            labels=np.unique(validation[1]),
            average="macro",
            zero_division=0,
        )
        if score > best:
            best, kept = score, model
    return kept


def cuts_of(free: np.ndarray) -> np.ndarray:
    """First cut and logarithms of the gaps -> ascending cuts. (k - 1,) -> (k - 1,)"""
    return np.cumsum(np.concatenate([free[:1], np.exp(free[1:])]))


def penalised_loss(
    parameters: np.ndarray, z: np.ndarray, codes: np.ndarray, weight: np.ndarray, l2: float
) -> tuple[float, np.ndarray]:
    """Summed negative log-likelihood with the penalty, and its gradient.

    With a = cut_k - eta and b = cut_{k-1} - eta,
    sigma(a) - sigma(b) = sigma(a) sigma(-b) (1 - exp(b - a)): three factors whose
    logarithms are exact however small the difference is. Parameters
    (d + n_classes - 1,) are the weights, then what `cuts_of` takes.
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


def _medians(inputs: np.ndarray) -> np.ndarray:
    """Of each column without its NaN; 0 where there is nothing else. (n, d) -> (d,)"""
    known = ~np.isnan(inputs).all(axis=0)
    medians = np.zeros(inputs.shape[1])
    medians[known] = np.nanmedian(inputs[:, known], axis=0)
    return medians


def _check(inputs: np.ndarray, codes: np.ndarray, weight: np.ndarray, n_classes: int) -> None:
    if inputs.ndim != 2 or codes.shape != inputs.shape[:1] or weight.shape != codes.shape:
        raise ValueError(f"inputs have shape {inputs.shape} but codes {codes.shape}")
    _check_finite(inputs)
    if codes.size and (codes.min() < 0 or codes.max() >= n_classes):
        raise ValueError(f"a code is not one of 0 to {n_classes - 1}")
    if len(np.unique(codes[weight > 0])) < 2 or (weight <= 0).any():
        raise ValueError("an ordinal regression needs rows of two classes, of positive weight")


def _check_finite(inputs: np.ndarray) -> None:
    if np.isinf(inputs).any():
        row = int(np.flatnonzero(np.isinf(inputs).any(axis=1))[0])
        raise ValueError(f"row {row} of the inputs is infinite")
