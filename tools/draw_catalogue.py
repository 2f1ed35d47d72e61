"""Draw the real corpus' three figures into ``doc/`` from the tables in ``data/``.

    python tools/draw_catalogue.py

doc/classes.svg         data/fr_catalogue_2025-01_counts.csv, data/study_tables.toml
doc/age.svg             data/fr_catalogue_2025-01_counts.csv
doc/data_balancing.svg  data/fr_catalogue_2025-01_split_counts.csv, data/study_tables.toml

The same bytes every time; the demo's own figures are in ``doc/demo/``.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.corpus.speakers import PARTS
from spoken_cefr.evaluation.catalogue import SPLIT_COUNTS, read_counts
from spoken_cefr.evaluation.reading import read_table
from spoken_cefr.evaluation.study import read_study
from spoken_cefr.figures.corpus import (
    draw_age,
    draw_catalogue_classes,
    of_target_levels,
    shares_of,
)
from spoken_cefr.figures.parts import grouped_bars
from spoken_cefr.figures.style import Drawing, in_style, save_figure
from spoken_cefr.paths import ROOT


def read_split_counts(path: Path = SPLIT_COUNTS) -> pd.DataFrame:
    """Read the counts of the split: part, level, recordings (int), speakers (int).

    InputError if the file is missing or lacks a column.
    """
    table = read_table(path, columns=["part", "level", "recordings", "speakers"])
    return table.astype({"recordings": int, "speakers": int})


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
        As `read_split_counts` reads it.
    study_recordings, study_segments : mapping of level to int
        Table 1 of the study.
    """
    figure = Drawing(width_in=8, height_in=3.6)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.4, 1])
    of_part = split_counts.set_index(["part", "level"])["recordings"]
    parts = {part: of_target_levels(of_part[part]) for part in PARTS}
    shares = shares_of(parts, "{name} ({n:,} recordings)")
    grouped_bars(left, shares, TARGET_LEVELS, percent=True)
    left.set(title="catalogue, split by speaker", ylabel="share of recordings or segments")
    units = {
        "recordings": of_target_levels(study_recordings),
        "segments": of_target_levels(study_segments),
    }
    shares = shares_of(units, "{n:,} {name}")
    grouped_bars(right, shares, TARGET_LEVELS, percent=True, first_look=len(PARTS))
    right.set(title="what the study kept")
    for ax in (left, right):
        ax.legend(loc="upper right", fontsize=8)
        ax.set_ylim(0, 0.68)  # room for the legend above the bars
    return figure


def draw(folder: Path) -> list[Path]:
    """Write the three figures to a folder; return their paths."""
    counts, split_counts = read_counts(), read_split_counts()
    published = read_study()["table_1"]
    study = (published["recordings"], published["segments"])
    left_out = counts["recordings"][~counts["level"].isin(TARGET_LEVELS)].sum()
    source = (
        f"French catalogue of Audio Lingua, January 2025, without its {left_out} recordings of "
        "level C2."
    )
    figures = {
        "classes": draw_catalogue_classes(counts, *study),
        "age": draw_catalogue_age(counts),
        "data_balancing": draw_catalogue_balancing(split_counts, *study),
    }
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.svg")
        save_figure(figure, paths[-1], notice=source)
    return paths


if __name__ == "__main__":
    print("\n".join(str(path) for path in draw(ROOT / "doc")))
