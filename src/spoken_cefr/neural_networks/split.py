"""Who is trained on and who is tested on: no speaker is ever in two parts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from spoken_cefr.corpus.levels import label_set, to_label_set
from spoken_cefr.corpus.speakers import PARTS, speaker_folds, speaker_ids
from spoken_cefr.errors import InputError

# Few groups of very different size make a single draw uneven; the most even of
# these draws is kept. Only labels and speakers are looked at, never a feature.
N_CANDIDATES = 50


def recordings_to_split(
    segments: pd.DataFrame,
    metadata: pd.DataFrame,
    *,
    speaker_groups: str = "author",
    rare_levels: str = "keep",
) -> pd.DataFrame:
    """One row for each recording of the segments, with the voice and the class that count.

    Segments hold recording_id, speaker_id, level; the metadata (recording_id, author) are read
    for first names only. One voice is who scraping found to be one ("author"), or, stricter, all
    of one "first_name" over every card of the catalogue. Classes are as
    `corpus.levels.label_set` names them. Gives recording_id, speaker_id, level, sorted by
    recording_id. InputError if a recording of the segments is not in the metadata.
    """
    table = segments.groupby("recording_id", as_index=False)[["speaker_id", "level"]].first()
    if speaker_groups == "first_name":
        authors = metadata["author"].tolist()
        groups = pd.Series(speaker_ids(authors, by_first_name=True), metadata["recording_id"])
        table["speaker_id"] = table["recording_id"].map(groups)
        unknown = table.loc[table["speaker_id"].isna(), "recording_id"]
        if len(unknown):
            raise InputError(
                f"recording {unknown.iloc[0]} has segments but no row in metadata.csv: "
                "run processing again"
            )
    table["level"] = to_label_set(table["level"], label_set(rare_levels))
    return table


def relabel(segments: pd.DataFrame, split: pd.DataFrame) -> pd.DataFrame:
    """The segments with the speaker and the class that the split gives their recording.

    InputError if a recording of the segments is not in the split.
    """
    table = split.set_index("recording_id")
    unknown = segments.loc[~segments["recording_id"].isin(table.index), "recording_id"]
    if len(unknown):
        raise InputError(
            f"recording {unknown.iloc[0]} is not in split.csv: run neural_networks again"
        )
    columns = ("speaker_id", "level")
    return segments.assign(**{c: segments["recording_id"].map(table[c]) for c in columns})


def class_remarks(split: pd.DataFrame, classes: Sequence[str]) -> list[dict[str, str]]:
    """One remark for each class of which nothing, or too little, can be said."""
    held = set(split["level"])
    remarks = [
        {"id": level, "reason": "no recording of this level: no score says anything of it"}
        for level in classes
        if level not in held
    ]
    for fold in np.unique(split["fold"]):
        told = parts_of_fold(split, fold)
        trained = set(told.loc[told["part"] == "train", "level"])
        tested = told.loc[told["part"] == "test", "level"]
        remarks += [
            {
                "id": level,
                "reason": f"no recording of this level is trained on where fold {fold} is tested: "
                f"its {int((tested == level).sum())} recordings there cannot be found",
            }
            for level in classes
            if level in held - trained and level in set(tested)
        ]
    return remarks


def speaker_split(recordings: pd.DataFrame, *, n_folds: int = 5, seed: int = 42) -> pd.DataFrame:
    """Share recordings out among folds, each speaker whole; one fold makes the study's split.

    Every fold is the test part once (see `parts_of_fold`). Of ``N_CANDIDATES``
    shuffled stratified group splits, the one is kept that leaves the fewest
    levels untrained and whose folds come nearest to the corpus' shares of
    levels. Of its folds, the nearest to them is the test part of the study's
    80/20 split.

    From recording_id, speaker_id, level to these with fold (of at least 3; in which the
    recording is tested, from 0) and part (train, validation or test of the study's split);
    sorted by recording_id. InputError if there are fewer speakers than folds.
    """
    n_speakers = recordings["speaker_id"].nunique()
    if n_speakers < n_folds:
        raise InputError(
            f"{n_speakers} speakers cannot fill {n_folds} folds: take more recordings or lower "
            "neural_networks.n_folds"
        )
    # In an order that does not depend on the caller's.
    table = recordings[["recording_id", "speaker_id", "level"]]
    table = table.sort_values("recording_id", ignore_index=True)
    draws = [_draw(table, n_folds=n_folds, seed=seed + i) for i in range(N_CANDIDATES)]
    _, _, split = min(draws, key=lambda draw: draw[:2])
    check_split(split)
    return split


def study_test_fold(split: pd.DataFrame) -> int:
    """The fold that is the test part of the study's 80/20 split."""
    return int(split.loc[split["part"] == "test", "fold"].iloc[0])


def parts_of_fold(split: pd.DataFrame, test: int) -> pd.DataFrame:
    """Test one fold, validate on another and train on the rest: the split with that fold's part.

    Over all folds, every recording is tested once and validated on once.
    """
    folds = split["fold"].to_numpy(dtype=np.int64)
    validation = _validation_folds(_level_counts(folds, split["level"], folds.max() + 1))
    return split.assign(part=_part_names(validation, test)[folds])


def check_split(split: pd.DataFrame) -> None:
    """Raise InputError if a speaker is in two parts or a part is empty."""
    parts = split.groupby("speaker_id")["part"].nunique()
    if (parts > 1).any():
        raise InputError(f"speaker {parts.index[parts > 1][0]} is in more than one part")
    missing = [part for part in PARTS if part not in set(split["part"])]
    if missing:
        raise InputError(f"the split has no {missing[0]} part")


def _draw(table: pd.DataFrame, *, n_folds: int, seed: int) -> tuple[int, float, pd.DataFrame]:
    """One candidate: how many levels its folds do not train, how uneven they are, the split."""
    labels, speakers = table["level"].to_numpy(), table["speaker_id"].to_numpy()
    folds = np.empty(len(table), dtype=np.int64)
    for fold, (_, rows) in enumerate(speaker_folds(labels, speakers, n_folds=n_folds, seed=seed)):
        folds[rows] = fold
    counts = _level_counts(folds, table["level"], n_folds)
    validation = _validation_folds(counts)
    lacking = _lacking(counts)[np.arange(n_folds), validation]
    distances = _distances(counts)
    # The last key is the fold's number: equal folds are told apart alike everywhere.
    test = int(np.lexsort((np.arange(n_folds), distances[validation], distances, lacking))[0])
    split = table.assign(fold=folds, part=_part_names(validation, test)[folds])
    n_empty = int((counts.sum(axis=1) == 0).sum())  # of very uneven groups
    return int(lacking.sum()) + len(table) * n_empty, float(distances.sum()), split


def _level_counts(folds: np.ndarray, levels: pd.Series, n_folds: int) -> np.ndarray:
    """Recordings of each level in each fold, shape (n_folds, n_levels)."""
    counts = pd.crosstab(folds, levels.to_numpy())
    return counts.reindex(range(n_folds), fill_value=0).to_numpy()


def _validation_folds(counts: np.ndarray) -> np.ndarray:
    """The fold that is validated on while each is tested, shape (n_folds,): each of them once."""
    # The assignment problem: few levels are left untrained, and no fold is its own validation.
    n_folds = len(counts)
    # Among equals the next fold is taken.
    steps = (np.arange(n_folds)[None, :] - np.arange(n_folds)[:, None] - 1) % n_folds
    costs = _lacking(counts) * n_folds**2 + steps
    costs[np.diag_indices(n_folds)] = costs.sum() + 1
    return linear_sum_assignment(costs)[1]


def _lacking(counts: np.ndarray) -> np.ndarray:
    """How many levels no third fold has, for each pair of folds, shape (n_folds, n_folds)."""
    pairs = counts[:, None, :] + counts[None, :, :]
    return (pairs >= counts.sum(axis=0)).sum(axis=2)


def _part_names(validation: np.ndarray, test: int) -> np.ndarray:
    """The part of each fold while one is tested, shape (n_folds,)."""
    part = np.full(len(validation), "train", dtype=object)
    part[[test, validation[test]]] = ["test", "validation"]
    return part


def _distances(counts: np.ndarray) -> np.ndarray:
    """Distance of each fold's level counts from an even share of the corpus', shape (n_folds,)."""
    even = counts.sum(axis=0) / len(counts)
    # Relative to the level's own count, so that a rare level weighs as much as a common one.
    return (np.abs(counts - even) / even).sum(axis=1)
