"""Reading what the earlier stages wrote, and refusing what does not fit together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import TARGET_LEVELS, label_set
from spoken_cefr.corpus.metadata import read_metadata
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.predictions import unit_table
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_csv, read_json, read_parquet

UNITS: tuple[str, ...] = ("recording", "segment")
UNIT_COLUMNS: tuple[str, ...] = (
    *("unit", "id", "recording_id", "speaker_id", "fold", "part", "level"),
)
SPLIT_COLUMNS: tuple[str, ...] = ("recording_id", "speaker_id", "level", "fold", "part")
# Of predictions: ``part`` is what the unit was to the model of this fold and seed.
RUN_COLUMNS: tuple[str, ...] = (*UNIT_COLUMNS, "seed", "predicted")
HISTORY_COLUMNS: tuple[str, ...] = (
    *("epoch", "train_loss", "train_accuracy"),
    *("validation_loss", "validation_accuracy", "validation_macro_f1"),
)
# Any of these makes a folder a run's; others there may be caches.
RUN_FILES: tuple[str, ...] = ("predictions.parquet", "history.csv")
# Probabilities come from float32; their sum is off by a few 1e-7.
SUM_TOLERANCE = 1e-3


class UnusableRun(ValueError):
    """A run that cannot be scored; the message is the reason in the report."""


@dataclass(frozen=True)
class Inputs:
    """The tables that every run shares: as the earlier stages wrote them, and the truth.

    ``units`` has one row per recording and per segment of the split, ``UNIT_COLUMNS``:
    fold is that in which it is tested, part that of the study's split. ``levels`` are
    the classes, in order; ``measures`` has the index recording_id, None if none were made.
    """

    split: pd.DataFrame
    segments: pd.DataFrame
    metadata: pd.DataFrame
    units: pd.DataFrame
    levels: tuple[str, ...]
    measures: pd.DataFrame | None = None


def read_inputs(config: Config) -> Inputs:
    """Read the split, the segments and the metadata of a profile.

    InputError if a table is missing or lacks a column, or no score on the split
    would mean anything.
    """
    networks, processing = (stage_folder(config, n) for n in ("neural_networks", "processing"))
    split = read_table(networks / "split.csv", columns=SPLIT_COLUMNS)
    columns = ("segment_id", "recording_id")
    segments = read_table(processing / "segments.parquet", columns=columns)
    metadata = read_metadata(stage_folder(config, "scraping") / "metadata.csv")
    levels = label_set(config.neural_networks.rare_levels)
    check_split(split, levels=levels)
    split["fold"] = split["fold"].astype(int)
    units = unit_table(split, segments)[list(UNIT_COLUMNS)]
    return Inputs(split, segments, metadata, units, levels, read_measures(config))


def read_table(path: Path, *, columns: Sequence[str]) -> pd.DataFrame:
    """Read a CSV or a Parquet table.

    InputError if the file is missing, is no table, or lacks one of the columns.
    """
    table = (read_csv if path.suffix == ".csv" else read_parquet)(path)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}: run its stage again")
    return table


def check_split(split: pd.DataFrame, *, levels: Sequence[str]) -> None:
    """Raise InputError unless scores on this split mean something."""
    n_of_speaker = split.groupby("speaker_id")[["fold", "part"]].nunique()
    parts, unknown = set(split["part"]), set(split["level"]) - set(levels)
    found = {
        # Scores would tell who speaks.
        "a speaker in more than one fold": (n_of_speaker["fold"] > 1).any(),
        "a speaker in more than one part": (n_of_speaker["part"] > 1).any(),
        "a recording twice": split["recording_id"].duplicated().any(),
        "no two folds": split["fold"].nunique() < 2,
        "no recording in the train part": "train" not in parts,
        "no recording in the test part": "test" not in parts,
        f"level {', '.join(unknown)}, none of {', '.join(levels)}": unknown,
    }
    for what, is_so in found.items():
        if is_so:
            raise InputError(f"split.csv has {what}: run neural_networks again")


def read_measures(config: Config) -> pd.DataFrame | None:
    """The measures of each recording: index recording_id, float64; None if none were made."""
    path = stage_folder(config, "neural_networks") / "measures.parquet"
    if not path.exists():
        return None
    table = read_table(path, columns=("recording_id",))
    # The file also says, as text, what each row was made from.
    return table.set_index("recording_id").select_dtypes("number").astype(np.float64)


def read_texts(config: Config) -> pd.Series:
    """What Whisper heard, by recording_id; nothing if processing left no such table."""
    path = stage_folder(config, "processing") / "transcripts.parquet"
    if not path.exists():
        return pd.Series(dtype=str)
    table = read_table(path, columns=("recording_id", "text")).drop_duplicates("recording_id")
    return table.set_index("recording_id")["text"]


def read_runs(
    config: Config, inputs: Inputs, *, taken: Iterable[str] = ()
) -> tuple[dict[str, pd.DataFrame], list[dict[str, str]], list[dict[str, str]]]:
    """Read the predictions of every run that can be scored; tell why others cannot.

    Returns predictions by run, what is dropped, and remarks, the last two as in a
    :class:`spoken_cefr.stages.Report`. No run may have one of the names ``taken``.
    """
    stage = stage_folder(config, "neural_networks")
    outputs = read_json(stage / "report.json")["outputs"]
    current = {Path(name).parent.name for name in outputs if name.endswith("predictions.parquet")}
    runs: dict[str, pd.DataFrame] = {}
    dropped, remarks = [], []
    for folder in sorted(path for path in stage.iterdir() if path.is_dir()):
        if not any((folder / name).exists() for name in RUN_FILES):
            continue
        name = folder.name
        try:
            if name in taken:
                raise UnusableRun("its name is that of a baseline")
            if name not in current:
                raise UnusableRun("not among the finished runs of the last neural_networks call")
            runs[name] = read_run(folder, inputs.units, levels=inputs.levels)
        except UnusableRun as error:
            dropped.append({"id": name, "reason": str(error)})
            continue
        remarks += [{"id": name, "reason": gap} for gap in _gaps(runs[name], inputs.units)]
    return runs, dropped, remarks


def read_run(
    folder: Path, units: pd.DataFrame, *, levels: Sequence[str] = TARGET_LEVELS
) -> pd.DataFrame:
    """Read the predictions of a finished run and hold them against the split.

    ``RUN_COLUMNS`` and a probability for each level. Rows of the part "test" are by
    models that never heard the speaker; those of "validation" by models whose best
    epoch was chosen on them. Raises UnusableRun with the reason.
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
    text = [name for name in RUN_COLUMNS if name not in ("fold", "seed")]
    table = table.astype(dict.fromkeys(text, str) | {"fold": int, "seed": int})
    reason = _fault(table, units, levels=levels, probabilities=probabilities)
    if reason:
        raise UnusableRun(reason)
    return table


def _fault(
    table: pd.DataFrame, units: pd.DataFrame, *, levels: Sequence[str], probabilities: Sequence[str]
) -> str | None:
    p = table[probabilities].apply(pd.to_numeric, errors="coerce").to_numpy()
    both = table.merge(units, on=["unit", "id"], how="left", suffixes=("", "_true"))
    tested = (table["part"] == "test").to_numpy()
    answered = table[tested].groupby("seed")["id"].agg(lambda ids: tuple(sorted(ids)))
    found = {
        "a probability is not a number": not np.isfinite(p).all(),
        "probabilities do not add up to 1": (
            (p < 0).any() or (np.abs(p.sum(axis=1) - 1) > SUM_TOLERANCE).any()
        ),
        "a unit is predicted twice": table.duplicated(["unit", "id", "part", "seed"]).any(),
        "an answer is not one of the levels": not set(table["predicted"]) <= set(levels),
        "it predicts a unit that the split does not hold": both["fold_true"].isna().any(),
        "its level disagrees with the split": (both["level"] != both["level_true"]).any(),
        "its speaker_id disagrees with the split": (
            (both["speaker_id"] != both["speaker_id_true"]).any()
        ),
        "it tests nothing": not tested.any(),
        "its fold disagrees with the split: a tested unit was learned from": (
            ((both["fold"] == both["fold_true"]) != tested).any()
        ),
        "its seeds answer different units": answered.nunique() > 1,
    }
    return next((reason for reason, is_so in found.items() if is_so), None)


def _gaps(table: pd.DataFrame, units: pd.DataFrame) -> list[str]:
    tested = table[table["part"] == "test"].drop_duplicates(["unit", "id"])
    gaps = {u: (units["unit"] == u).sum() - (tested["unit"] == u).sum() for u in UNITS}
    return [f"leaves {gap} {unit}s unpredicted" for unit, gap in gaps.items() if gap]


def read_descriptions(config: Config, runs: Iterable[str]) -> dict[str, str]:
    """What each run says of itself, by name."""
    stage = stage_folder(config, "neural_networks")
    return {n: str(read_json(stage / n / "config.json").get("description", "")) for n in runs}


def read_histories(config: Config, runs: Iterable[str], *, fold: int) -> dict[str, pd.DataFrame]:
    """The training histories of the runs that have one (not all learn in epochs), by run.

    Of each run it is the first seed's training in which this fold was left out.
    """
    histories = {}
    for run in runs:
        path = stage_folder(config, "neural_networks") / run / "history.csv"
        if path.exists():
            table = read_table(path, columns=(*HISTORY_COLUMNS, "seed", "fold"))
            shown = table[(table["seed"] == 0) & (table["fold"] == fold)]
            histories[run] = shown[list(HISTORY_COLUMNS)].reset_index(drop=True)
    return histories
