"""From answers on unseen texts: which levels are likely, and from when on an answer is given.

Spans are conformal, split and label-conditional (Vovk, Gammerman & Shafer, 2005, "Algorithmic
Learning in a Random World", ch. 4; Sadinle, Lei & Wasserman, 2019, JASA 114): of each level by
itself, a share of at most 1 - rate of its unseen texts has it less deep in the answer than the
depth that is kept. So the rate holds of each level, however many recordings there are of it.

Whether to answer is read off the risk-coverage curve (El-Yaniv & Wiener, 2010, JMLR 11).
"""

from typing import Any

import numpy as np

from spoken_cefr.corpus.levels import interpolated_median
from spoken_cefr.prediction.verdict import INTERVAL, Calibration, depths_of, likely_levels

# Share of answers that name another level than the right one, each level weighing the same.
MAX_RISK = 0.45
AT = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)  # shares that are answered, as told


def conformal_depths(
    probabilities: np.ndarray, codes: np.ndarray, *, rate: float = INTERVAL
) -> np.ndarray:
    """Depth of each class above which it is likely. (n, k), (n,) -> (k,)

    Of n texts of a class the k-th least deep, k = floor((n + 1)(1 - rate)): a new one is deeper
    with a probability of at least ``rate``; 0 where there are too few to say so.
    """
    own = depths_of(probabilities)[np.arange(len(codes)), codes]
    depths = np.zeros(probabilities.shape[1])
    for code in range(probabilities.shape[1]):
        of_class = np.sort(own[codes == code])
        k = int((len(of_class) + 1) * (1 - rate) + 1e-9)
        depths[code] = of_class[k - 1] if k else 0.0
    return depths


def risk_curve(
    probabilities: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share answered, share of wrong answers, least probability of the level; surest first.

    Each level weighs the same.
    """
    given = interpolated_median(probabilities).astype(int) - 1
    confidence = probabilities[np.arange(len(given)), given]
    order = np.argsort(-confidence, kind="stable")
    weights = (1 / np.bincount(codes)[codes])[order]
    answered = np.cumsum(weights)
    wrong = np.cumsum(weights * (given != codes)[order])
    return answered / answered[-1], wrong / answered, confidence[order]


def calibrate(
    probabilities: np.ndarray, codes: np.ndarray, *, max_risk: float = MAX_RISK
) -> Calibration:
    """Depths, and the least probability with which no more than ``max_risk`` are wrong."""
    _, risk, confidence = risk_curve(probabilities, codes)
    few = np.flatnonzero(risk <= max_risk)
    least = confidence[few[-1]] if len(few) else confidence[0]
    depths = conformal_depths(probabilities, codes)
    # Rounded down: what was inside stays inside.
    down = [float(np.floor(1e4 * value) / 1e4) for value in (*depths, least)]
    return Calibration(tuple(down[:-1]), down[-1])


def judge(
    probabilities: np.ndarray, codes: np.ndarray, folds: np.ndarray, *, max_risk: float = MAX_RISK
) -> dict[str, Any]:
    """What holds of each fold by the calibration of the others, and the curve over all."""
    inside, width, answers = (np.zeros(len(codes)) for _ in range(3))
    for fold in np.unique(folds):
        held = folds == fold
        found = calibrate(probabilities[~held], codes[~held], max_risk=max_risk)
        spans = np.array([likely_levels(p, found) for p in probabilities[held]])
        inside[held] = (spans[:, 0] <= codes[held]) & (codes[held] <= spans[:, 1])
        width[held] = spans[:, 1] - spans[:, 0] + 1
        given = interpolated_median(probabilities[held]).astype(int) - 1
        answers[held] = probabilities[held][np.arange(len(given)), given] >= found.least
    wrong = interpolated_median(probabilities).astype(int) - 1 != codes
    weights = 1 / np.bincount(codes)[codes]
    kept = answers > 0
    answered, risk, least = risk_curve(probabilities, codes)
    at = [int(np.searchsorted(answered, share - 1e-9)) for share in AT]
    by_fold = [inside[folds == fold].mean() for fold in np.unique(folds)]
    return {
        "n": len(codes),
        "covered": _told(inside.mean()),
        "covered_by_fold": [_told(min(by_fold)), _told(max(by_fold))],
        "covered_by_level": [_told(inside[codes == c].mean()) for c in np.unique(codes)],
        "width": _told(width.mean(), 2),
        "answered": _told(np.average(kept, weights=weights)),
        "wrong_of_answered": _told(np.average(wrong[kept], weights=weights[kept])),
        "wrong_of_others": (
            None if kept.all() else _told(np.average(wrong[~kept], weights=weights[~kept]))
        ),
        "curve": [[_told(answered[i], 2), _told(risk[i]), _told(least[i])] for i in at],
    }


def _told(value: float, digits: int = 3) -> float:
    return round(float(value), digits)
