"""The real French catalogue as counts, and the three figures of the study drawn from them.

The counts are in git (``data/fr_catalogue_2025-01_*.csv``, made by
``tools/count_catalogue.py``); the catalogue itself, which names real people, is
not.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.scores.results import FIRST_MEASURES
from spoken_cefr.evaluation.tables import PARTS, read_table
from spoken_cefr.figures.results import draw_age
from spoken_cefr.figures.style import HATCHES, OKABE_ITO, Drawing, in_style
from spoken_cefr.paths import ROOT
from spoken_cefr.store import read_json

COUNTS = ROOT / "data" / "fr_catalogue_2025-01_counts.csv"
SPLIT_COUNTS = ROOT / "data" / "fr_catalogue_2025-01_split_counts.csv"
BASELINES = ROOT / "data" / "fr_catalogue_2025-01_baselines.json"
COUNT_COLUMNS: tuple[str, ...] = ("level", "age_group", "gender", "duration_class")
# The site's words, in order of time.
DURATION_CLASSES: tuple[str, ...] = (
    "0-30 secondes",
    "30-60 secondes",
    "60-90 secondes",
    "90-120 secondes",
    "120-180 secondes",
    ">180 secondes",
)
# What a row of the table of the catalogue tells, with the site's words.
SHARES: Mapping[str, tuple[str, ...]] = {
    "age_group": ("enfant", "adolescent", "adulte", "seniors"),
    "gender": ("féminin",),
    "duration_class": DURATION_CLASSES,
}


def read_counts(path: Path = COUNTS) -> pd.DataFrame:
    """Read the counts: level, age_group, gender, duration_class, recordings (int).

    Raises
    ------
    InputError
        If the file is missing or lacks a column.
    """
    table = read_table(path, columns=[*COUNT_COLUMNS, "recordings"])
    return table.astype({"recordings": int})


def read_split_counts(path: Path = SPLIT_COUNTS) -> pd.DataFrame:
    """Read the counts of the split: part, level, recordings (int), speakers (int).

    Raises
    ------
    InputError
        If the file is missing or lacks a column.
    """
    table = read_table(path, columns=["part", "level", "recordings", "speakers"])
    return table.astype({"recordings": int, "speakers": int})


def by_level(counts: pd.DataFrame) -> dict[str, int]:
    """Recordings of each of the target levels."""
    sums = counts.groupby("level")["recordings"].sum()
    return {level: int(sums.get(level, 0)) for level in TARGET_LEVELS}


@in_style
def draw_catalogue_classes(
    counts: pd.DataFrame, study_recordings: Mapping[str, int], study_segments: Mapping[str, int]
) -> Drawing:
    """Recordings of the catalogue and of the study, and the study's segments, by level.

    Parameters
    ----------
    counts : pd.DataFrame
        From :func:`read_counts`.
    study_recordings, study_segments : mapping of level to int
        Table 1 of the study.
    """
    figure = Drawing(width_in=7.5, height_in=3.4)
    left, right = figure.subplots(1, 2, width_ratios=[1.45, 1])
    of_catalogue = by_level(counts)
    recordings = {
        f"catalogue ({sum(of_catalogue.values()):,})": of_catalogue,
        f"kept by the study ({sum(study_recordings.values()):,})": study_recordings,
    }
    _grouped_bars(left, recordings)
    left.set(ylabel="number of recordings", title="recordings")
    left.margins(y=0.36)  # room for the legend above the bars
    left.legend(loc="upper right")
    segments = {f"kept by the study ({sum(study_segments.values()):,})": study_segments}
    _grouped_bars(right, segments, first_look=1)
    right.set(ylabel="number of segments", title="1 s segments")
    right.yaxis.set_major_formatter("{x:,.0f}")
    right.margins(y=0.36)
    right.legend(loc="upper right", fontsize=8)
    return figure


@in_style
def draw_catalogue_age(counts: pd.DataFrame) -> Drawing:
    """Share of child, adolescent, adult and senior speakers in each level of the catalogue."""
    return draw_age(counts.loc[counts.index.repeat(counts["recordings"])])


@in_style
def draw_catalogue_balancing(
    split_counts: pd.DataFrame,
    study_recordings: Mapping[str, int],
    study_segments: Mapping[str, int],
) -> Drawing:
    """Share of each level in the parts of a split by speaker, and in the study's two units.

    The right panel shows why the unit matters: longer recordings weigh more
    when 1 s segments are counted.

    Parameters
    ----------
    split_counts : pd.DataFrame
        From :func:`read_split_counts`.
    study_recordings, study_segments : mapping of level to int
        Table 1 of the study.
    """
    figure = Drawing(width_in=8, height_in=3.6)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.4, 1])
    parts = {}
    for part in PARTS:
        rows = split_counts[(split_counts["part"] == part) & (split_counts["level"] != "all")]
        counts = rows.set_index("level")["recordings"]
        parts[f"{part} ({counts.sum():,} recordings)"] = counts.to_dict()
    _grouped_bars(left, parts, shares=True)
    left.set(title="catalogue, split by speaker", ylabel="share of recordings or segments")
    units = {
        f"{sum(study_recordings.values()):,} recordings": study_recordings,
        f"{sum(study_segments.values()):,} segments": study_segments,
    }
    _grouped_bars(right, units, shares=True, first_look=len(PARTS))
    right.set(title="what the study kept")
    for ax in (left, right):
        ax.legend(loc="upper right", fontsize=8)
        ax.set_ylim(0, 0.68)  # room for the legend above the bars
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure


def _grouped_bars(
    ax: Axes,
    series: Mapping[str, Mapping[str, int]],
    *,
    shares: bool = False,
    first_look: int = 0,
) -> None:
    """Bars side by side over their level; each is placed by the number of its own level."""
    width = 0.84 / len(series)
    for index, (name, counts) in enumerate(series.items()):
        values = np.array([counts.get(level, 0) for level in TARGET_LEVELS], dtype=np.float64)
        labels = [f"{value:,.0f}" for value in values]
        if shares:
            values = values / max(values.sum(), 1)
            labels = [f"{100 * value:.0f}" for value in values]
        bars = ax.bar(
            np.arange(len(TARGET_LEVELS)) + (index - (len(series) - 1) / 2) * width,
            values,
            width,
            label=name,
            color=OKABE_ITO[first_look + index],
            hatch=HATCHES[first_look + index],
            edgecolor="white",
        )
        ax.bar_label(bars, labels=labels, padding=1, fontsize=8)
    ax.set_xticks(np.arange(len(TARGET_LEVELS)), TARGET_LEVELS)
    ax.set(xlabel="CEFR level")
    ax.margins(y=0.12)


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
