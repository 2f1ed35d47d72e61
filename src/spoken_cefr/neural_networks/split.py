"""Who is trained on and who is tested on: no speaker is ever in two parts."""

import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from spoken_cefr.errors import InputError

PARTS: tuple[str, ...] = ("train", "validation", "test")

# Few groups of very different size make a single draw uneven; the most even of
# these draws is kept. Only labels and speakers are looked at, never a feature.
N_CANDIDATES = 50


def speaker_split(recordings: pd.DataFrame, *, n_folds: int = 5, seed: int = 42) -> pd.DataFrame:
    """Share recordings out among folds and parts, each speaker whole.

    One fold is the test part, one the validation part, the others train. Of
    ``N_CANDIDATES`` shuffled stratified group splits, the one whose folds come
    nearest to the corpus' shares of levels is kept; the fold nearest to them
    is the test part, the next one the validation part.

    Parameters
    ----------
    recordings : pd.DataFrame
        One row a recording with recording_id, speaker_id, level.
    n_folds : int >= 3
    seed : int

    Returns
    -------
    pd.DataFrame
        recording_id, speaker_id, level, fold, part; sorted by recording_id.

    Raises
    ------
    InputError
        If there are fewer speakers than folds.
    """
    table = recordings[["recording_id", "speaker_id", "level"]]
    table = table.sort_values("recording_id", ignore_index=True)
    n_speakers = table["speaker_id"].nunique()
    if n_speakers < n_folds:
        raise InputError(
            f"{n_speakers} speakers cannot fill {n_folds} folds: take more recordings or lower "
            "neural_networks.n_folds"
        )
    candidates = [_folds(table, n_folds=n_folds, seed=seed + i) for i in range(N_CANDIDATES)]
    distances = [_distances(table["level"], folds, n_folds=n_folds) for folds in candidates]
    best = int(np.argmin([distance.sum() for distance in distances]))
    test, validation = np.argsort(distances[best], kind="stable")[:2]
    part = np.full(n_folds, "train", dtype=object)
    part[[test, validation]] = ["test", "validation"]
    split = table.assign(fold=candidates[best], part=part[candidates[best]])
    check_split(split)
    return split


def check_split(split: pd.DataFrame) -> None:
    """Raise InputError if a speaker is in two parts or a part is empty."""
    parts = split.groupby("speaker_id")["part"].nunique()
    if (parts > 1).any():
        raise InputError(f"speaker {parts.index[parts > 1][0]} is in more than one part")
    missing = [part for part in PARTS if part not in set(split["part"])]
    if missing:
        raise InputError(f"the split has no {missing[0]} part")


def _folds(table: pd.DataFrame, *, n_folds: int, seed: int) -> np.ndarray:
    folds = np.empty(len(table), dtype=np.int64)
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A level rarer than the number of folds is expected here (C1).
        warnings.filterwarnings("ignore", message="The least populated class in y")
        pairs = splitter.split(table, table["level"], groups=table["speaker_id"])
        for fold, (_, rows) in enumerate(pairs):
            folds[rows] = fold
    return folds


def _distances(levels: pd.Series, folds: np.ndarray, *, n_folds: int) -> np.ndarray:
    """Distance of each fold's level counts from an even share of the corpus', shape (n_folds,)."""
    counts = pd.crosstab(folds, levels).reindex(range(n_folds), fill_value=0).to_numpy(float)
    even = counts.sum(axis=0) / n_folds
    # Relative to the level's own count, so that a rare level weighs as much as a common one.
    return (np.abs(counts - even) / even).sum(axis=1)
