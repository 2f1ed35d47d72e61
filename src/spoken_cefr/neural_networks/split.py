"""Who is trained on and who is tested on: no speaker is ever in two parts."""

from collections.abc import Iterable, Sequence
from itertools import permutations

import numpy as np
import pandas as pd

from spoken_cefr.errors import InputError
from spoken_cefr.levels import label_set, to_label_set
from spoken_cefr.speakers import speaker_folds, speaker_ids

PARTS: tuple[str, ...] = ("train", "validation", "test")

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

    Parameters
    ----------
    segments : pd.DataFrame
        Columns recording_id, speaker_id, level.
    metadata : pd.DataFrame
        Columns recording_id, author; read for first names only.
    speaker_groups : {"author", "first_name"}
        Who is one voice: as scraping found it, or all of one first name, over
        every card of the catalogue (stricter).
    rare_levels : {"keep", "merge"}
        Classes as `spoken_cefr.levels.label_set` names them.

    Returns
    -------
    pd.DataFrame
        recording_id, speaker_id, level; sorted by recording_id.

    Raises
    ------
    InputError
        If a recording of the segments is not in the metadata.
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

    Raises
    ------
    InputError
        If a recording of the segments is not in the split.
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
    """One remark for each class that a part does not hold: nothing can be said of it there.

    Returns
    -------
    list of dict
        ``{"id": class, "reason": ...}`` as a `spoken_cefr.stages.Report` takes them.
    """
    consequences = {
        "train": "no network can learn it",
        "validation": "the best epoch is chosen without it",
        "test": "no score says anything of it",
    }
    return [
        {"id": level, "reason": f"no recording of this level in the {part} part: {consequence}"}
        for part, consequence in consequences.items()
        for level in classes
        if level not in set(split.loc[split["part"] == part, "level"])
    ]


def speaker_split(recordings: pd.DataFrame, *, n_folds: int = 5, seed: int = 42) -> pd.DataFrame:
    """Share recordings out among folds and parts, each speaker whole.

    One fold is the test part, one the validation part, the others train. Of
    ``N_CANDIDATES`` shuffled stratified group splits, the one whose folds come
    nearest to the corpus' shares of levels is kept; the fold nearest to them
    is the test part, the next one the validation part. A level that one fold
    holds alone is trained on wherever a draw allows it: what is not learnt
    cannot be tested.

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
    table = _checked(recordings, n_folds=n_folds)
    draws = [_draw(table, n_folds=n_folds, seed=seed + i) for i in range(N_CANDIDATES)]
    _, _, split = min(draws, key=lambda draw: draw[:2])
    check_split(split)
    return split


def repeated_folds(
    recordings: pd.DataFrame, *, n_folds: int = 5, n_repeats: int = 5, seed: int = 42
) -> pd.DataFrame:
    """Folds for repeated cross-validation: in each repeat every recording is tested once.

    Each repeat is a StratifiedGroupKFold of its own seed; speakers stay whole.

    Parameters
    ----------
    recordings : pd.DataFrame
        One row a recording with recording_id, speaker_id, level; ``split.csv``
        holds them as the config groups speakers and classes.
    n_folds : int >= 2
    n_repeats : int >= 1

    Returns
    -------
    pd.DataFrame
        recording_id, repeat (from 0), fold (from 0); sorted by repeat, then
        recording_id.

    Raises
    ------
    InputError
        If there are fewer speakers than folds.
    """
    table = _checked(recordings, n_folds=n_folds)
    return pd.concat(
        [
            table[["recording_id"]].assign(
                repeat=repeat, fold=_folds(table, n_folds=n_folds, seed=seed + repeat)
            )
            for repeat in range(n_repeats)
        ],
        ignore_index=True,
    )


def parts_of_fold(table: pd.DataFrame, test: int) -> pd.DataFrame:
    """Test one fold of a repeat, validate on another and train on the rest.

    The validation fold is chosen as `speaker_split` chooses its own: levels
    stay in train if they can, then the fold nearest to the corpus' shares of
    levels is taken.

    Parameters
    ----------
    table : pd.DataFrame
        recording_id, speaker_id, level, fold; one repeat of `repeated_folds`.
    test : int
        The fold that is tested.

    Returns
    -------
    pd.DataFrame
        The same with the column part.

    Raises
    ------
    InputError
        If a part would be empty.
    """
    folds = table["fold"].to_numpy()
    n_folds = int(folds.max()) + 1
    pairs = [(test, other) for other in np.unique(folds) if other != test]
    if not pairs:
        raise InputError("the split has no validation part")
    chosen = _most_even(_level_counts(folds, table["level"], n_folds), pairs)
    split = table.assign(part=_part_names(n_folds, *chosen)[folds])
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


def _checked(recordings: pd.DataFrame, *, n_folds: int) -> pd.DataFrame:
    """The columns that splitting reads, in an order that does not depend on the caller's."""
    table = recordings[["recording_id", "speaker_id", "level"]]
    n_speakers = table["speaker_id"].nunique()
    if n_speakers < n_folds:
        raise InputError(
            f"{n_speakers} speakers cannot fill {n_folds} folds: take more recordings or lower "
            "neural_networks.n_folds"
        )
    return table.sort_values("recording_id", ignore_index=True)


def _draw(table: pd.DataFrame, *, n_folds: int, seed: int) -> tuple[int, float, pd.DataFrame]:
    """One candidate: how many levels train lacks, how uneven its folds are, and the split."""
    folds = _folds(table, n_folds=n_folds, seed=seed)
    counts = _level_counts(folds, table["level"], n_folds)
    chosen = _most_even(counts, permutations(range(n_folds), 2))
    split = table.assign(fold=folds, part=_part_names(n_folds, *chosen)[folds])
    return _n_lacking(counts, *chosen), float(_distances(counts).sum()), split


def _folds(table: pd.DataFrame, *, n_folds: int, seed: int) -> np.ndarray:
    folds = np.empty(len(table), dtype=np.int64)
    labels, speakers = table["level"].to_numpy(), table["speaker_id"].to_numpy()
    for fold, (_, rows) in enumerate(speaker_folds(labels, speakers, n_folds=n_folds, seed=seed)):
        folds[rows] = fold
    return folds


def _level_counts(folds: np.ndarray, levels: pd.Series, n_folds: int) -> np.ndarray:
    """Recordings of each level in each fold, shape (n_folds, n_levels)."""
    counts = pd.crosstab(folds, levels.to_numpy())
    return counts.reindex(range(n_folds), fill_value=0).to_numpy()


def _most_even(counts: np.ndarray, pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The best pair of a test and a validation fold: train lacks few levels, then evenness."""
    distances = _distances(counts)
    return min(
        pairs,
        key=lambda pair: (_n_lacking(counts, *pair), distances[pair[0]], distances[pair[1]]),
    )


def _n_lacking(counts: np.ndarray, test: int, validation: int) -> int:
    """How many levels are in no other fold than these two."""
    return int((counts.sum(axis=0) == counts[test] + counts[validation]).sum())


def _part_names(n_folds: int, test: int, validation: int) -> np.ndarray:
    """The part of each fold, shape (n_folds,)."""
    part = np.full(n_folds, "train", dtype=object)
    part[[test, validation]] = ["test", "validation"]
    return part


def _distances(counts: np.ndarray) -> np.ndarray:
    """Distance of each fold's level counts from an even share of the corpus', shape (n_folds,)."""
    even = counts.sum(axis=0) / len(counts)
    # Relative to the level's own count, so that a rare level weighs as much as a common one.
    return (np.abs(counts - even) / even).sum(axis=1)
