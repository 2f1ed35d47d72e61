"""From answers on unseen texts: which levels are likely, and from when on an answer is given.

The likely levels are adaptive prediction sets (Romano, Sesia & Candes, 2020, "Classification with
valid and adaptive coverage", NeurIPS 33) among the spans of `verdict.spans_of`, which are nested
(Gupta, Kuchibhotla & Ramdas, 2022, Pattern Recognition 127): they grow until they hold a share of
the probability. That share is conformal, split and label-conditional (Vovk, Gammerman & Shafer,
2005, "Algorithmic Learning in a Random World", ch. 4): one for all levels, and large enough for
each by itself. So the rate holds of each level, however many recordings there are of it.

Whether to answer is read off the risk-coverage curve (El-Yaniv & Wiener, 2010, JMLR 11).
"""

from typing import Any

import numpy as np

from spoken_cefr.corpus.levels import interpolated_median
from spoken_cefr.prediction.verdict import (
    INTERVAL,
    MAX_LEVELS,
    Calibration,
    likely_levels,
    spans_of,
)

# Share of answers that name another level than the right one, each level weighing the same.
MAX_RISK = 0.4
FEW_OTHERS = 30  # fewer that are not answered say nothing of how many would be wrong
AT = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)  # shares that are answered, as told


def conformal_share(
    probabilities: np.ndarray, codes: np.ndarray, *, rate: float = INTERVAL
) -> float:
    """Share of the probability that likely levels hold, so that they hold a level so often.

    Of n texts of a level the k-th smallest of `shares_before`, k = ceil((n + 1) rate): that of a
    new one is no larger with a probability of at least ``rate``. Of the levels the largest; 1
    where there are too few texts of one to say so.
    """
    before = shares_before(probabilities, codes)
    shares = []
    for code in np.unique(codes):
        of_class = np.sort(before[codes == code])
        k = int(np.ceil((len(of_class) + 1) * rate - 1e-9))
        shares.append(of_class[k - 1] if k <= len(of_class) else 1.0)
    return float(max(shares))


def shares_before(probabilities: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """What is held by the largest span of each answer without the text's level. (n, k) -> (n,)

    The level is likely where `Calibration.share` is larger.
    """
    before = np.zeros(len(codes))
    for i, (p, code) in enumerate(zip(probabilities, codes, strict=True)):
        for low, high in spans_of(p):
            if low <= code <= high:
                break
            before[i] = p[low : high + 1].sum()
    return before


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
    """The share, and the least probability with which no more than ``max_risk`` are wrong."""
    _, risk, confidence = risk_curve(probabilities, codes)
    few = np.flatnonzero(risk <= max_risk)
    least = confidence[few[-1]] if len(few) else confidence[0]
    share = conformal_share(probabilities, codes)
    # Rounded to the side on which what was inside stays inside.
    return Calibration(
        share=float(min(1.0, np.floor(1e4 * share + 1) / 1e4)),
        least=float(np.floor(1e4 * least) / 1e4),
    )


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
    kept = (answers > 0) & (width <= MAX_LEVELS)
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
            _told(np.average(wrong[~kept], weights=weights[~kept]))
            if np.count_nonzero(~kept) >= FEW_OTHERS
            else None
        ),
        "curve": [[_told(answered[i], 2), _told(risk[i]), _told(least[i])] for i in at],
    }


def _told(value: float, digits: int = 3) -> float:
    return round(float(value), digits)
