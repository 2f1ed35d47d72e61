"""Ways to train a run once more: labels of others, another answer, fewer speakers.

Each changes the split of a fold and leaves the fold's parts as they are, so that
every variant answers the same recordings as the run that it is held against.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spoken_cefr.corpus.levels import level_codes
from spoken_cefr.evaluation.shortcuts.conditions import PERMUTED, SILENCE, WHOLE
from spoken_cefr.evaluation.shortcuts.probes import Target, permuted_codes

CURVE = "fewer speakers"
CURVE_SHARES: tuple[float, ...] = (0.25, 0.5, 0.75)  # of the speakers of the train part
NO_PART = ""  # of a recording that is neither learned from nor asked


@dataclass(frozen=True)
class Variant:
    """What a run is to be trained on instead.

    Parameters
    ----------
    name : str
        Of its folder.
    condition, target : str
        As in ``audit.csv``.
    classes : tuple of str
        What is to be answered.
    change : callable
        Gets a fold's split (recording_id, speaker_id, part, level) and gives
        that of the variant; ``level`` then holds the class.
    """

    name: str
    condition: str
    target: str
    classes: tuple[str, ...]
    change: Callable[[pd.DataFrame], pd.DataFrame]


def permuted_variants(levels: Sequence[str], *, n: int, seed: int) -> list[Variant]:
    """Speakers of the train part carry the labels of others there, and so in validation.

    The test part keeps its own: an answer that is right is right by chance.
    """
    return [
        Variant(
            f"permuted_{number}",
            PERMUTED,
            "level",
            tuple(levels),
            functools.partial(_permuted, levels=tuple(levels), seed=(seed, number)),
        )
        for number in range(n)
    ]


def _permuted(
    split: pd.DataFrame, *, levels: tuple[str, ...], seed: tuple[int, int]
) -> pd.DataFrame:
    codes = level_codes(split["level"], classes=levels)
    for part in ("train", "validation"):
        rows = np.flatnonzero(split["part"] == part)
        speakers = split["speaker_id"].to_numpy(dtype=str)[rows]
        codes[rows] = permuted_codes(codes[rows], speakers, seed=list(seed))
    return split.assign(level=np.array(levels)[codes])


def target_variants(targets: Mapping[str, Target]) -> list[Variant]:
    """The speaker's age, gender and time of recording in place of the level.

    A recording of which the answer is not known is in no part.
    """
    return [
        Variant(name, WHOLE, name, target.classes, functools.partial(_asked_for, target=target))
        for name, target in targets.items()
        if name != "level" and target.classes
    ]


def _asked_for(split: pd.DataFrame, *, target: Target) -> pd.DataFrame:
    codes = target.codes.reindex(split["recording_id"])
    known = codes.notna().to_numpy()
    labels = np.array(target.classes)[codes.fillna(0).astype(int)]
    return split.assign(level=labels, part=split["part"].where(known, NO_PART))


def curve_variants(levels: Sequence[str], *, seed: int) -> list[Variant]:
    """A part of the training speakers only; a smaller part is within a larger one."""
    return [
        Variant(
            f"speakers_{round(100 * share)}_percent",
            CURVE,
            "level",
            tuple(levels),
            functools.partial(_of_fewer, share=share, seed=seed),
        )
        for share in CURVE_SHARES
    ]


def _of_fewer(split: pd.DataFrame, *, share: float, seed: int) -> pd.DataFrame:
    trained = split["part"] == "train"
    names = np.random.default_rng(seed).permutation(np.unique(split.loc[trained, "speaker_id"]))
    kept = names[: max(1, round(share * names.size))]
    left_out = trained & ~split["speaker_id"].isin(kept)
    return split.assign(part=split["part"].mask(left_out, NO_PART))


def silence_variant(levels: Sequence[str]) -> Variant:
    """The level again, by a network that is given the pauses."""
    return Variant("silence", SILENCE, "level", tuple(levels), lambda split: split)
