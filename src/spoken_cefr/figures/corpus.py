"""Levels, ages and parts of a corpus, and of the real catalogue beside what the study kept."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from spoken_cefr.corpus.cards import AGE_GROUPS, DURATION_CLASSES
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.corpus.speakers import PARTS
from spoken_cefr.figures.parts import grouped_bars, heat_map, in_percent, legend_above
from spoken_cefr.figures.style import HATCHES, OKABE_ITO, Drawing, in_style

UNKNOWN_AGE = "unknown"


@in_style
def draw_classes(segments: pd.DataFrame, *, levels: Sequence[str] = TARGET_LEVELS) -> Drawing:
    """Recordings and segments of each level.

    Parameters
    ----------
    segments : pd.DataFrame
        Columns recording_id, level.
    """
    figure = Drawing(width_in=7, height_in=3.2)
    of_unit = {"recordings": segments.drop_duplicates("recording_id"), "segments": segments}
    panels = zip(figure.subplots(1, 2), of_unit.items(), strict=True)
    for look, (ax, (unit, rows)) in enumerate(panels):
        counts = _counts(rows["level"], levels)
        grouped_bars(ax, {unit: counts}, levels, first_look=look)
        ax.set(ylabel=f"number of {unit}", title=f"{counts.sum():,} {unit}")
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@in_style
def draw_age(metadata: pd.DataFrame, *, levels: Sequence[str] = TARGET_LEVELS) -> Drawing:
    """Share of child, adolescent, adult and senior speakers in each level.

    Parameters
    ----------
    metadata : pd.DataFrame
        Columns level, age_group (the site's French words). A missing age, or
        several on one card, is shown as unknown. Other levels are left out.
    """
    ages = metadata["age_group"].map(AGE_GROUPS).fillna(UNKNOWN_AGE)
    counts = pd.crosstab(ages, metadata["level"])
    counts = counts.reindex(index=[*AGE_GROUPS.values(), UNKNOWN_AGE], columns=list(levels))
    counts = counts.fillna(0).astype(int)
    shares = counts / counts.sum().clip(lower=1)
    figure = Drawing(width_in=7, height_in=3.8)
    ax = figure.subplots()
    bottom = np.zeros(len(levels))
    looks = zip([*OKABE_ITO[: len(AGE_GROUPS)], "#BBBBBB"], HATCHES, strict=False)
    for (age, share), (color, hatch) in zip(shares.iterrows(), looks, strict=True):
        bars = ax.bar(
            levels, share, bottom=bottom, label=age, color=color, hatch=hatch, edgecolor="white"
        )
        bottom += share.to_numpy()
        # Where the number fits in, on white so that hatches let it be read.
        labels = [f"{value:.0%}" if value >= 0.05 else "" for value in share]
        for text in ax.bar_label(bars, labels=labels, label_type="center", fontsize=8):
            if text.get_text():
                text.set_bbox(
                    {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
                )
    ax.bar_label(bars, labels=[f"n = {n}" for n in counts.sum()], padding=3, fontsize=9)
    ax.set(xlabel="CEFR level", ylabel="share of the level's recordings", ylim=(0, 1.08))
    in_percent(ax)
    figure.legend(title="speaker's age", loc="outside right upper", reverse=True)
    return figure


@in_style
def draw_levels_by(metadata: pd.DataFrame, *, levels: Sequence[str] = TARGET_LEVELS) -> Drawing:
    """How many recordings of each level each age and each duration class has.

    Parameters
    ----------
    metadata : pd.DataFrame
        Columns level, age_group, duration_class (the site's French words; what a
        card lacks is shown as unknown).
    """
    figure = Drawing(width_in=9, height_in=3.6)
    kinds = {"age_group": AGE_GROUPS, "duration_class": DURATION_CLASSES}
    for ax, (column, known) in zip(figure.subplots(1, 2), kinds.items(), strict=True):
        values = metadata[column].where(metadata[column].isin(known), UNKNOWN_AGE)
        order = [value for value in (*known, UNKNOWN_AGE) if (values == value).any()]
        counts = pd.crosstab(values, metadata["level"]).reindex(
            index=order, columns=list(levels), fill_value=0
        )
        counts = counts.to_numpy()
        texts = np.where(counts, counts.astype(str), "")
        heat_map(ax, counts, texts, (order, levels), most=counts.max(), aspect="auto")
        named = column.replace("_", " ")
        ax.set(xlabel="CEFR level", title=f"recordings by {named}")
        ax.set_ylabel(f"{named} (the site's words)")
    return figure


@in_style
def draw_data_balancing(
    split: pd.DataFrame, segments: pd.DataFrame, *, levels: Sequence[str] = TARGET_LEVELS
) -> Drawing:
    """Share of each level in train, validation and test, counted in segments.

    Parameters
    ----------
    split : pd.DataFrame
        Columns recording_id, level, part.
    segments : pd.DataFrame
        Column recording_id; segments of recordings outside the split are left out.
    """
    rows = segments[["recording_id"]].merge(split, on="recording_id", validate="many_to_one")
    counts = {part: _counts(rows["level"][rows["part"] == part], levels) for part in PARTS}
    shares = shares_of(counts, "{name} ({n:,} segments)")
    return _bars_of_shares(shares, levels, "share of the part's segments")


@in_style
def draw_balance(
    shares: Mapping[str, np.ndarray], *, levels: Sequence[str] = TARGET_LEVELS
) -> Drawing:
    """Share of each level in the training loss under each way of balancing.

    Parameters
    ----------
    shares : mapping of str to np.ndarray, shape (n_levels,)
        By the name of the way; each adds up to 1.
    """
    return _bars_of_shares(shares, levels, "share in the training loss")


@in_style
def draw_catalogue_classes(
    counts: pd.DataFrame, study_recordings: Mapping[str, int], study_segments: Mapping[str, int]
) -> Drawing:
    """Recordings of the catalogue and of the study, and the study's segments, by level.

    Parameters
    ----------
    counts : pd.DataFrame
        From :func:`spoken_cefr.evaluation.catalogue.read_counts`.
    study_recordings, study_segments : mapping of level to int
        Table 1 of the study.
    """
    of_catalogue = of_target_levels(counts.groupby("level")["recordings"].sum())
    recordings, segments = of_target_levels(study_recordings), of_target_levels(study_segments)
    figure = Drawing(width_in=7.5, height_in=3.4)
    left, right = figure.subplots(1, 2, width_ratios=[1.45, 1])
    shown = {
        f"catalogue ({sum(of_catalogue):,})": of_catalogue,
        f"kept by the study ({sum(recordings):,})": recordings,
    }
    grouped_bars(left, shown, TARGET_LEVELS)
    left.set(ylabel="number of recordings", title="recordings")
    shown = {f"kept by the study ({sum(segments):,})": segments}
    grouped_bars(right, shown, TARGET_LEVELS, first_look=1)
    right.set(ylabel="number of segments", title="1 s segments")
    right.yaxis.set_major_formatter("{x:,.0f}")
    for ax, size in ((left, None), (right, 8)):
        ax.margins(y=0.36)  # room for the legend above the bars
        ax.legend(loc="upper right", fontsize=size)
    return figure


def _bars_of_shares(shares: Mapping[str, np.ndarray], levels: Sequence[str], label: str) -> Drawing:
    figure = Drawing(width_in=7, height_in=3.6)
    ax = figure.subplots()
    grouped_bars(ax, shares, levels, percent=True)
    ax.set(ylabel=label)
    legend_above(figure, ax, ncols=len(shares))
    return figure


def _counts(values: pd.Series, levels: Sequence[str]) -> np.ndarray:
    return values.value_counts().reindex(list(levels), fill_value=0).to_numpy()


def of_target_levels(counts: Mapping[str, int]) -> np.ndarray:
    """Counts by level as one of each target level, in their order."""
    return np.array([counts.get(level, 0) for level in TARGET_LEVELS])


def shares_of(counts: Mapping[str, np.ndarray], title: str) -> dict[str, np.ndarray]:
    """Each series as shares that add up to 1, by a title with its name and its sum."""
    return {
        title.format(name=name, n=values.sum()): values / max(values.sum(), 1)
        for name, values in counts.items()
    }
