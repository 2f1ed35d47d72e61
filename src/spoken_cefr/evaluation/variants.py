"""Ways to train a run once more: labels of others, another answer, fewer speakers.

Each is a split of its own. The parts stay those of the split, so that every
variant answers the test part of the run that it is held against.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spoken_cefr.evaluation.audit import PERMUTED, SILENCE, WHOLE
from spoken_cefr.evaluation.probes import Target, permuted_codes
from spoken_cefr.levels import level_codes

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
    split : pd.DataFrame
        recording_id, speaker_id, part, level; ``level`` holds the class that is to be answered.
    classes : tuple of str
        In order.
    """

    name: str
    condition: str
    target: str
    split: pd.DataFrame
    classes: tuple[str, ...]

    @property
    def n_train_speakers(self) -> int:
        """How many speakers it learns from."""
        return self.split.loc[self.split["part"] == "train", "speaker_id"].nunique()


def permuted_variants(
    split: pd.DataFrame, levels: Sequence[str], *, n: int, seed: int
) -> list[Variant]:
    """Speakers of the train part carry the labels of others there, and so in validation.

    The test part keeps its own: an answer that is right is right by chance.
    """
    variants = []
    for number in range(n):
        codes = level_codes(split["level"], classes=tuple(levels))
        for part in ("train", "validation"):
            rows = np.flatnonzero(split["part"] == part)
            speakers = split["speaker_id"].to_numpy(dtype=str)[rows]
            codes[rows] = permuted_codes(codes[rows], speakers, seed=[seed, number])
        labels = np.array(levels)[codes]
        variants.append(
            Variant(
                f"permuted_{number}", PERMUTED, "level", split.assign(level=labels), tuple(levels)
            )
        )
    return variants


def target_variants(split: pd.DataFrame, targets: Mapping[str, Target]) -> list[Variant]:
    """The speaker's age, gender and time of recording in place of the level.

    A recording of which the answer is not known is in no part.
    """
    variants = []
    for name, target in targets.items():
        if name == "level" or not target.classes:
            continue
        codes = target.codes.reindex(split["recording_id"])
        known = codes.notna().to_numpy()
        labels = np.array(target.classes)[codes.fillna(0).astype(int)]
        parts = split["part"].where(known, NO_PART)
        variants.append(
            Variant(name, WHOLE, name, split.assign(level=labels, part=parts), target.classes)
        )
    return variants


def curve_variants(split: pd.DataFrame, levels: Sequence[str], *, seed: int) -> list[Variant]:
    """A part of the training speakers only; a smaller part is within a larger one."""
    trained = split["part"] == "train"
    names = np.random.default_rng(seed).permutation(np.unique(split.loc[trained, "speaker_id"]))
    sizes = {round(share * names.size) for share in CURVE_SHARES} - {0, names.size}
    variants = []
    for size in sorted(sizes):
        left_out = trained & ~split["speaker_id"].isin(names[:size])
        fewer = split.assign(part=split["part"].mask(left_out, NO_PART))
        variants.append(Variant(f"speakers_{size}", CURVE, "level", fewer, tuple(levels)))
    return variants


def silence_variant(split: pd.DataFrame, levels: Sequence[str]) -> Variant:
    """The level again, by a network that is given the pauses."""
    return Variant("silence", SILENCE, "level", split, tuple(levels))
