"""The real French catalogue, as the counts and scores of it that git holds.

Made by ``tools/count_catalogue.py`` and ``tools/catalogue_baselines.py``; the
catalogue itself, which names real people, is not in git.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from spoken_cefr.corpus.cards import AGE_GROUPS, DURATION_CLASSES
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.reading import read_table
from spoken_cefr.evaluation.scores.results import FIRST_MEASURES
from spoken_cefr.paths import ROOT
from spoken_cefr.store import read_json

COUNTS = ROOT / "data" / "fr_catalogue_2025-01_counts.csv"
SPLIT_COUNTS = ROOT / "data" / "fr_catalogue_2025-01_split_counts.csv"
BASELINES = ROOT / "data" / "fr_catalogue_2025-01_baselines.json"
COUNT_COLUMNS: tuple[str, ...] = ("level", "age_group", "gender", "duration_class")
# What a row of the table of the catalogue tells, with the site's words.
SHARES: Mapping[str, tuple[str, ...]] = {
    "age_group": tuple(AGE_GROUPS),
    "gender": ("féminin",),
    "duration_class": tuple(DURATION_CLASSES),
}


def read_counts(path: Path = COUNTS) -> pd.DataFrame:
    """Read the counts: level, age_group, gender, duration_class, recordings (int).

    InputError if the file is missing or lacks a column.
    """
    table = read_table(path, columns=[*COUNT_COLUMNS, "recordings"])
    return table.astype({"recordings": int})


def read_split_counts(path: Path = SPLIT_COUNTS) -> pd.DataFrame:
    """Read the counts of the split: part, level, recordings (int), speakers (int).

    InputError if the file is missing or lacks a column.
    """
    table = read_table(path, columns=["part", "level", "recordings", "speakers"])
    return table.astype({"recordings": int, "speakers": int})


def catalogue_table(counts: pd.DataFrame, split_counts: pd.DataFrame) -> pd.DataFrame:
    """Each level's recordings, speakers, and shares by age, gender and duration class.

    Parameters
    ----------
    counts, split_counts : pd.DataFrame
        From :func:`read_counts` and :func:`read_split_counts`.

    Returns
    -------
    pd.DataFrame
        Index: the target levels and "all". Shares are of the level's recordings.
        A speaker of several levels counts in each, and once in "all".
    """
    usable = counts[counts["level"].isin(TARGET_LEVELS)]
    groups = {level: usable[usable["level"] == level] for level in TARGET_LEVELS} | {"all": usable}
    speakers = split_counts[split_counts["part"] == "all"].set_index("level")["speakers"]
    rows = {}
    for level, rows_of in groups.items():
        n = rows_of["recordings"].sum()
        rows[level] = {"recordings": n, "speakers": speakers[level]} | {
            f"{column}: {value}": rows_of.loc[rows_of[column] == value, "recordings"].sum() / n
            for column, values in SHARES.items()
            for value in values
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("level")
    return table.astype({"recordings": int, "speakers": int})


def baselines_table(path: Path = BASELINES) -> pd.DataFrame:
    """What baselines on the site's metadata reach on the real catalogue, as text.

    Returns
    -------
    pd.DataFrame
        Index: the baseline; what it knows, then each measure with its interval
        over speakers, such as ``0.54 [0.50, 0.58]``.
    """
    baselines = read_json(path)["label_sets"]["keep"]["baselines"]
    rows = {
        name: {"what it knows": scores["description"]}
        | {
            title: "{value:.2f} [{low:.2f}, {high:.2f}]".format(**scores[measure])
            for measure, title in FIRST_MEASURES.items()
        }
        for name, scores in baselines.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("baseline")
