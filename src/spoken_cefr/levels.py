"""The levels of the Common European Framework of Reference, in order."""

from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np


class Level(IntEnum):
    """A CEFR level; ``Level.A1 < Level.B2``."""

    A1 = 1
    A2 = 2
    B1 = 3
    B2 = 4
    C1 = 5
    C2 = 6

    def __str__(self) -> str:
        return self.name


# C2 is left out as in the study: four recordings in the whole French catalogue.
TARGET_LEVELS: tuple[str, ...] = ("A1", "A2", "B1", "B2", "C1")


def level_codes(levels: Iterable[str], *, classes: Sequence[str] = TARGET_LEVELS) -> np.ndarray:
    """Turn level names into their positions in ``classes``.

    Returns
    -------
    np.ndarray, shape (n,), int64

    Raises
    ------
    ValueError
        If a level is not one of ``classes``; the message names it.
    """
    position = {name: index for index, name in enumerate(classes)}
    levels = list(levels)
    unknown = sorted({str(level) for level in levels if level not in position})
    if unknown:
        raise ValueError(f"level {', '.join(unknown)} is not one of {', '.join(classes)}")
    return np.array([position[level] for level in levels], dtype=np.int64)
