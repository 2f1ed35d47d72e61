"""Reading what the earlier stages wrote, and refusing what does not fit together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import TARGET_LEVELS, label_set
from spoken_cefr.corpus.metadata import read_metadata
from spoken_cefr.errors import InputError
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_json

UNITS: tuple[str, ...] = ("recording", "segment")
PARTS: tuple[str, ...] = ("train", "validation", "test")
UNIT_COLUMNS: tuple[str, ...] = (
    *("unit", "id", "recording_id", "speaker_id", "fold", "part", "level"),
)
SPLIT_COLUMNS: tuple[str, ...] = ("recording_id", "speaker_id", "level", "fold", "part")
# Of predictions: ``part`` is what the unit was to the model of this fold and seed.
RUN_COLUMNS: tuple[str, ...] = (*UNIT_COLUMNS, "seed", "predicted")
SEGMENT_COLUMNS: tuple[str, ...] = ("segment_id", "recording_id")
# Any of these makes a folder a run's; others there may be caches.
RUN_FILES: tuple[str, ...] = ("predictions.parquet", "history.csv")
# Probabilities come from float32; their sum is off by a few 1e-7.
SUM_TOLERANCE = 1e-3


class UnusableRun(ValueError):
    """A run that cannot be scored; the message is the reason in the report."""


@dataclass(frozen=True)
class Inputs:
    """The tables that every run shares.

    Parameters
    ----------
    split, segments, metadata : pd.DataFrame
        As the earlier stages wrote them.
    units : pd.DataFrame
        One row per recording and per segment of the split: unit, id,
        recording_id, speaker_id, fold (in which it is tested), part (of the
        study's split), level. This is the truth.
    levels : tuple of str
        The classes, in order.
    """

    split: pd.DataFrame
    segments: pd.DataFrame
    metadata: pd.DataFrame
    units: pd.DataFrame
    levels: tuple[str, ...]


def read_inputs(config: Config) -> Inputs:
    """Read the split, the segments and the metadata of a profile.

    Raises
    ------
    InputError
        If a table is missing or lacks a column, a speaker is in two parts, a
        level is unknown, or nothing is left to train or to test on.
    """
    split = read_table(stage_folder(config, "neural_networks") / "split.csv", columns=SPLIT_COLUMNS)
    segments = read_table(
        stage_folder(config, "processing") / "segments.parquet", columns=SEGMENT_COLUMNS
    )
    metadata = read_metadata(stage_folder(config, "scraping") / "metadata.csv")
    levels = label_set(config.neural_networks.rare_levels)
    check_split(split, levels=levels)
    split["fold"] = split["fold"].astype(int)
    return Inputs(split, segments, metadata, unit_table(split, segments), levels)


def read_table(path: Path, *, columns: Sequence[str]) -> pd.DataFrame:
    """Read a CSV (as text: a recording_id may have leading zeros) or a Parquet table.

    Raises
    ------
    InputError
        If the file is missing, is no table, or lacks one of ``columns``.
    """
    if not path.exists():
        raise InputError(f"{path} is missing: run the stage that writes it first")
    try:
        if path.suffix == ".csv":
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        else:
            table = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}): delete it and run again") from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}: run its stage again")
    return table


def check_split(split: pd.DataFrame, *, levels: Sequence[str] = TARGET_LEVELS) -> None:
    """Raise InputError unless scores on this split mean something."""
    for column in ("fold", "part"):
        parts = split.groupby("speaker_id")[column].nunique()
        if (parts > 1).any():
            raise InputError(
                f"split.csv has speaker {parts.index[parts > 1][0]!r} in more than one {column}: "
                "scores would tell who speaks; run neural_networks again"
            )
    if not split["fold"].astype(str).str.fullmatch(r"\d+").all() or split["fold"].nunique() < 2:
        raise InputError("split.csv has no two numbered folds: run neural_networks again")
    for column, known in (("level", levels), ("part", PARTS)):
        unknown = sorted(set(split[column]) - set(known))
        if unknown:
            raise InputError(
                f"split.csv has {column} {unknown[0]!r}, not one of {', '.join(known)}"
            )
    for part in ("train", "test"):
        if part not in set(split["part"]):
            raise InputError(
                f"split.csv has no recording in the {part} part: more speakers are needed "
                "(or another neural_networks.n_folds)"
            )
    if split["recording_id"].duplicated().any():
        raise InputError("split.csv has a recording twice: run neural_networks again")


def unit_table(split: pd.DataFrame, segments: pd.DataFrame) -> pd.DataFrame:
    """List every recording of the split and every segment of those, with the truth."""
    recordings = split.assign(unit="recording", id=split["recording_id"])
    # Level and speaker come from the split, so that the two units cannot disagree.
    of_segments = segments[["segment_id", "recording_id"]].astype(str)
    of_segments = of_segments.rename(columns={"segment_id": "id"}).assign(unit="segment")
    of_segments = of_segments.merge(split, on="recording_id", validate="many_to_one")
    columns = list(UNIT_COLUMNS)
    return pd.concat([recordings[columns], of_segments[columns]], ignore_index=True)


def read_measures(config: Config) -> pd.DataFrame | None:
    """The measures of each recording: index recording_id, float64; None if none were made."""
    path = stage_folder(config, "neural_networks") / "measures.parquet"
    if not path.exists():
        return None
    table = read_table(path, columns=("recording_id",))
    # The file also says, as text, what each row was made from.
    return table.set_index("recording_id").select_dtypes("number").astype(np.float64)


def run_folders(config: Config) -> list[Path]:
    """The folders of runs, finished or not, by name."""
    folders = stage_folder(config, "neural_networks").iterdir()
    return sorted(
        folder
        for folder in folders
        if folder.is_dir() and any((folder / name).exists() for name in RUN_FILES)
    )


def current_runs(config: Config) -> set[str]:
    """The runs that the last call of neural_networks made or kept.

    Raises
    ------
    InputError
        If that stage has not come to its end.
    """
    account = read_json(stage_folder(config, "neural_networks") / "report.json")
    paths = [Path(name) for name in account["outputs"]]
    return {path.parent.name for path in paths if path.name == "predictions.parquet"}


def read_run(
    folder: Path, units: pd.DataFrame, *, levels: Sequence[str] = TARGET_LEVELS
) -> pd.DataFrame:
    """Read the predictions of a finished run and hold them against the split.

    Returns
    -------
    pd.DataFrame
        ``RUN_COLUMNS`` and a probability for each level. Rows of the part "test"
        are by models that never heard the speaker; those of "validation" by
        models whose best epoch was chosen on them.

    Raises
    ------
    UnusableRun
        With the reason.
    """
    for name in ("predictions.parquet", "config.json"):
        if not (folder / name).exists():
            raise UnusableRun(f"unfinished: no {name}")
    probabilities = [f"p_{level}" for level in levels]
    columns = [*RUN_COLUMNS, *probabilities]
    try:
        read_json(folder / "config.json")
        table = read_table(folder / "predictions.parquet", columns=columns)[columns]
    except InputError as error:
        # Without the folder: a reason must not differ between machines.
        raise UnusableRun(str(error).replace(f"{folder}/", "")) from None
    numbers = ["fold", "seed"]
    text = [name for name in RUN_COLUMNS if name not in numbers]
    table = table.astype(dict.fromkeys(text, str) | dict.fromkeys(numbers, int))
    _check_probabilities(table[probabilities].apply(pd.to_numeric, errors="coerce").to_numpy())
    _check_against_split(table, units, levels=levels)
    return table


def _check_probabilities(probabilities: np.ndarray) -> None:
    if not np.isfinite(probabilities).all():
        raise UnusableRun("a probability is not a number")
    sums = probabilities.sum(axis=1)
    if (probabilities < 0).any() or (np.abs(sums - 1) > SUM_TOLERANCE).any():
        raise UnusableRun("probabilities do not add up to 1")


def _check_against_split(
    table: pd.DataFrame, units: pd.DataFrame, *, levels: Sequence[str]
) -> None:
    if table.duplicated(["unit", "id", "part", "seed"]).any():
        raise UnusableRun("a unit is predicted twice")
    if not set(table["predicted"]) <= set(levels):
        raise UnusableRun("an answer is not one of the levels")
    both = table.merge(units, on=["unit", "id"], how="left", suffixes=("", "_true"))
    if both["fold_true"].isna().any():
        raise UnusableRun("it predicts a unit that the split does not hold")
    for column in ("level", "speaker_id"):
        if (both[column] != both[f"{column}_true"]).any():
            raise UnusableRun(f"its {column} disagrees with the split")
    tested = (table["part"] == "test").to_numpy()
    if not tested.any():
        raise UnusableRun("it tests nothing")
    if ((both["fold"] == both["fold_true"]) != tested).any():
        raise UnusableRun("its fold disagrees with the split: a tested unit was learned from")
    answered = table[tested].groupby("seed")["id"].agg(lambda ids: tuple(sorted(ids)))
    if answered.nunique() > 1:
        raise UnusableRun("its seeds answer different units")


def missing_units(table: pd.DataFrame, units: pd.DataFrame) -> dict[str, int]:
    """How many units a run leaves untested, by unit; complete ones left out."""
    told = units["unit"].value_counts()
    given = table[table["part"] == "test"].drop_duplicates(["unit", "id"])["unit"].value_counts()
    gaps = {unit: int(told.get(unit, 0) - given.get(unit, 0)) for unit in UNITS}
    return {unit: gap for unit, gap in gaps.items() if gap}
