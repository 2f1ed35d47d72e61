"""Intervals of shares such as a level's recall."""

import math

from scipy.stats import binomtest


def wilson_interval(n_right: int, n: int, *, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share: sensible for 0 of 11 too.

    It takes the units as independent. Recordings of one speaker are not quite,
    segments of one recording are not at all: read it beside the interval over
    speakers, which in turn says little about few units.

    Wilson (1927), "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22(158).

    Returns
    -------
    tuple of float
        Low and high; NaN where ``n`` is 0.
    """
    if n == 0:
        return math.nan, math.nan
    interval = binomtest(n_right, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
