"""The levels of the Common European Framework of Reference, in order."""

from collections.abc import Iterable, Sequence

import numpy as np

# C2 is left out as in the study: four recordings in the whole French catalogue.
TARGET_LEVELS: tuple[str, ...] = ("A1", "A2", "B1", "B2", "C1")


def level_codes(levels: Iterable[str], *, classes: Sequence[str] = TARGET_LEVELS) -> np.ndarray:
    """Turn level names into their positions in ``classes``. -> (n,), int64

    ValueError, which names it, if a level is not one of them.
    """
    position = {name: index for index, name in enumerate(classes)}
    levels = list(levels)
    unknown = sorted({str(level) for level in levels if level not in position})
    if unknown:
        raise ValueError(f"level {', '.join(unknown)} is not one of {', '.join(classes)}")
    return np.array([position[level] for level in levels], dtype=np.int64)


# C1 has 11 recordings in the whole French catalogue: too few to score. Merged, it joins B2.
MERGED_LEVELS: tuple[str, ...] = ("A1", "A2", "B1", "B2+")


def label_set(rare_levels: str) -> tuple[str, ...]:
    """The classes of a profile: ``keep`` gives A1 to C1, ``merge`` joins B2 and C1 in "B2+"."""
    return {"keep": TARGET_LEVELS, "merge": MERGED_LEVELS}[rare_levels]


def to_label_set(levels: Iterable[str], classes: Sequence[str]) -> list[str]:
    """Name each level as ``classes`` does: B2 and C1 become "B2+" where that is a class."""
    joined = dict.fromkeys(("B2", "C1"), "B2+") if "B2+" in classes else {}
    return [joined.get(level, level) for level in levels]


def interpolated_median(probabilities: np.ndarray) -> np.ndarray:
    """Decimal level of each row: where half of its probability lies below.

    The median of grouped data: in the class k (from 1) where the cumulative
    probability F passes 1/2, it is k + (1/2 - F_{k-1}) / p_k. So 3.4 is B1.4,
    "four tenths of the way through B1"; a certain B1 is 3.5.

    Rows (n, n_classes) add up to 1, classes ascend. -> (n,), float64, from 1 to below
    n_classes + 1; the integer part is the class, from 1.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    p = p / p.sum(axis=1, keepdims=True)
    above = p.cumsum(axis=1)
    above[:, -1] = 1.0
    k = (above > 0.5).argmax(axis=1)
    rows = np.arange(len(p))
    below = np.where(k > 0, above[rows, k - 1], 0.0)
    return k + 1 + np.clip((0.5 - below) / p[rows, k], 0.0, 1.0 - 1e-9)


def decimal_name(score: float, classes: Sequence[str] = TARGET_LEVELS) -> str:
    """``3.47`` as ``B1.4``: the tenth is cut, not rounded, so that it never names the next level.

    ValueError if the score is below 1 or not below ``len(classes) + 1``.
    """
    if not 1 <= score < len(classes) + 1:
        raise ValueError(f"score {score} is not from 1 to below {len(classes) + 1}")
    index = int(score)
    return f"{classes[index - 1]}.{int((score - index) * 10 + 1e-6)}"
