"""Balancing: how much each level counts in the training loss.

Only the training loss or the draw of training rows changes; validation and
test are always scored as they are.
"""

import numpy as np

# b in (1 - b) / (1 - b^n). Cui et al. tried 0.9 to 0.9999; the nearer to 1, the
# nearer to "class_weight", the nearer to 0, the nearer to "none".
BETA = 0.999


def class_weights(codes: np.ndarray, *, balance: str, n_classes: int) -> np.ndarray | None:
    """Weight of each class in the training loss; None where every row weighs the same.

    ``class_weight`` is n / (k n_c), scikit-learn's "balanced"; ``class_balanced`` is
    (1 - b) / (1 - b^n_c) times a constant that makes the mean over classes 1: Cui et al. (2019),
    "Class-Balanced Loss Based on Effective Number of Samples", CVPR, arXiv 1901.05555.
    Codes (n,) -> (n_classes,), float64; 0 for a class without rows.
    """
    counts = np.bincount(codes, minlength=n_classes).astype(np.float64)
    present = counts > 0
    weights = np.zeros(n_classes)
    if balance == "class_weight":
        weights[present] = len(codes) / (present.sum() * counts[present])
        return weights
    if balance == "class_balanced":
        weights[present] = (1 - BETA) / (1 - BETA ** counts[present])
        return weights * present.sum() / weights.sum()
    return None


def sampling_weights(codes: np.ndarray, *, balance: str) -> np.ndarray | None:
    """Chance of each row in a draw with replacement, 1 / n_c; None for "every row once".

    Codes (n,) -> (n,), float64: each class that is there has the same chance in all.
    """
    if balance != "weighted_sampling":
        return None
    return 1.0 / np.bincount(codes)[codes]


def effective_shares(codes: np.ndarray, *, balance: str, n_classes: int) -> np.ndarray:
    """Share of each class in the training loss, to be held against its share of the rows.

    Returns
    -------
    np.ndarray, shape (n_classes,), float64
        Adding up to 1.
    """
    counts = np.bincount(codes, minlength=n_classes).astype(np.float64)
    chances = sampling_weights(codes, balance=balance)
    if chances is not None:
        counts = np.bincount(codes, weights=chances, minlength=n_classes)
    weights = class_weights(codes, balance=balance, n_classes=n_classes)
    shares = counts if weights is None else counts * weights
    return shares / shares.sum()
