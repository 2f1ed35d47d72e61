"""The figures of the study, drawn from tables, and those of the networks.

Every bar has its share or count printed on it or a hatch of its own, so that
the figures can be read in grey and by the colour-blind.
"""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.tables import PARTS
from spoken_cefr.figures.style import HATCHES, OKABE_ITO, Drawing, in_style

# The site's words for the speaker's age, in the order of age.
AGE_GROUPS: Mapping[str, str] = {
    "enfant": "child",
    "adolescent": "adolescent",
    "adulte": "adult",
    "seniors": "senior",
}
UNKNOWN_AGE = "unknown"


@in_style
def draw_classes(segments: pd.DataFrame, *, levels: Sequence[str] = TARGET_LEVELS) -> Drawing:
    """Recordings and segments of each level.

    Parameters
    ----------
    segments : pd.DataFrame
        Columns recording_id, level.
    """
    recordings = segments.drop_duplicates("recording_id")
    figure = Drawing(width_in=7, height_in=3.2)
    for index, (ax, rows, unit) in enumerate(
        zip(figure.subplots(1, 2), (recordings, segments), ("recordings", "segments"), strict=True)
    ):
        counts = _counts(rows["level"], levels)
        bars = ax.bar(
            levels, counts, color=OKABE_ITO[index], hatch=HATCHES[index], edgecolor="white"
        )
        ax.bar_label(bars, labels=[f"{count:,}" for count in counts], padding=2, fontsize=9)
        ax.margins(y=0.12)
        ax.set(xlabel="CEFR level", ylabel=f"number of {unit}", title=f"{counts.sum():,} {unit}")
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
    totals = counts.sum()
    shares = counts / totals.clip(lower=1)
    figure = Drawing(width_in=7, height_in=3.8)
    ax = figure.subplots()
    bottom = np.zeros(len(levels))
    colors = [*OKABE_ITO[: len(AGE_GROUPS)], "#BBBBBB"]
    for (age, share), color, hatch in zip(shares.iterrows(), colors, HATCHES, strict=False):
        bars = ax.bar(
            levels, share, bottom=bottom, label=age, color=color, hatch=hatch, edgecolor="white"
        )
        _label_inside(ax, bars, share.to_numpy())
        bottom += share.to_numpy()
    for position, total in enumerate(totals):
        ax.annotate(f"n = {total}", (position, max(bottom[position], 0)), (0, 3),
                    textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
    ax.set(xlabel="CEFR level", ylabel="share of the level's recordings", ylim=(0, 1.08))
    _percent(ax)
    figure.legend(title="speaker's age", loc="outside right upper", reverse=True)
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
    figure = Drawing(width_in=7, height_in=3.6)
    ax = figure.subplots()
    width = 0.8 / len(PARTS)
    for index, part in enumerate(PARTS):
        counts = _counts(rows["level"][rows["part"] == part], levels)
        shares = counts / max(counts.sum(), 1)
        # Each bar is placed by the number of its own level: the study drew the
        # test bars in the order of the training bars, over the wrong labels.
        positions = np.arange(len(levels)) + (index - (len(PARTS) - 1) / 2) * width
        bars = ax.bar(
            positions,
            shares,
            width,
            label=f"{part} ({counts.sum():,} segments)",
            color=OKABE_ITO[index],
            hatch=HATCHES[index],
            edgecolor="white",
        )
        ax.bar_label(bars, labels=[f"{100 * share:.0f}" for share in shares], fontsize=8)
    ax.set_xticks(np.arange(len(levels)), levels)
    ax.set(xlabel="CEFR level", ylabel="share of the part's segments")
    _percent(ax)
    figure.legend(loc="outside upper center", ncols=len(PARTS))
    return figure


@in_style
def draw_scores(results: pd.DataFrame, *, unit: str = "recording") -> Drawing:
    """Every run and baseline with its interval over speakers and its spread over seeds.

    Parameters
    ----------
    results : pd.DataFrame
        As ``results.csv``; baselines come first.
    """
    rows = results[results["unit"] == unit].iloc[::-1]
    measures = {
        "accuracy": "accuracy",
        "macro_f1": "macro-F1",
        "quadratic_weighted_kappa": "quadratic weighted kappa",
    }
    figure = Drawing(width_in=8, height_in=1.4 + 0.35 * len(rows))
    places = range(len(rows))
    for ax, (name, title) in zip(
        figure.subplots(1, len(measures), sharey=True), measures.items(), strict=True
    ):
        value, low, high = (rows[column] for column in (name, f"{name}_low", f"{name}_high"))
        ax.hlines(places, low, high, color=OKABE_ITO[0], lw=2, label="interval over speakers")
        seeds = (rows[f"{name}_seed_{end}"] for end in ("low", "high"))
        ax.hlines(places, *seeds, color=OKABE_ITO[1], lw=5, alpha=0.7, label="spread over seeds")
        ax.plot(value, places, "o", color=OKABE_ITO[6], ms=4)
        ax.set(
            xlabel=title,
            xlim=(-1.02 if low.min() < 0 else -0.02, 1.02),
            ylim=(-0.6, len(rows) - 0.4),
        )
        ax.grid(axis="x", lw=0.4)
    figure.axes[0].set_yticks(places, rows["run"])
    n, n_speakers = rows["n"].iloc[0], rows["n_speakers"].iloc[0]
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=2,
        title=f"{n:,} {unit}s of {n_speakers} speakers, out of fold",
    )
    return figure


def _count(value: float) -> str:
    """A count, with a decimal where it is a mean over seeds."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


@in_style
def draw_confusion(
    matrix: pd.DataFrame | np.ndarray, title: str, *, levels: Sequence[str] = TARGET_LEVELS
) -> Drawing:
    """Confusion matrix: counts, and the share of each true level as colour and in print.

    Parameters
    ----------
    matrix : shape (k, k)
        Rows the true level, columns the answer.
    """
    counts = np.asarray(matrix)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    figure = Drawing(width_in=5.2, height_in=4.4)
    ax = figure.subplots()
    image = ax.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        told = _count(counts[row, column])
        if totals[row, 0]:
            told += f"\n{100 * shares[row, column]:.0f} %"
        # cividis runs from dark to light.
        color = "black" if shares[row, column] > 0.5 else "white"
        ax.text(column, row, told, ha="center", va="center", color=color, fontsize=9)
    ax.set_xticks(np.arange(len(levels)), levels)
    names = [
        f"{level} (n = {_count(total)})" for level, total in zip(levels, totals[:, 0], strict=True)
    ]
    ax.set_yticks(np.arange(len(levels)), names)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="predicted level", ylabel="true level", title=title)
    bar = figure.colorbar(image, label="share of the true level's row")
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    return figure


@in_style
def draw_learning_curves(histories: Mapping[str, pd.DataFrame]) -> Drawing:
    """Loss, accuracy and macro-F1 over the epochs of each run.

    Parameters
    ----------
    histories : mapping of str to pd.DataFrame
        By run: epoch, train_loss, train_accuracy, validation_loss,
        validation_accuracy, validation_macro_f1.
    """
    panels = {
        "loss (nats)": ("train_loss", "validation_loss"),
        "accuracy": ("train_accuracy", "validation_accuracy"),
        "macro-F1": (None, "validation_macro_f1"),
    }
    n_legend_rows = -(-len(histories) // 2)
    figure = Drawing(width_in=8, height_in=3.2 + 0.25 * n_legend_rows)
    axes = figure.subplots(1, len(panels))
    for index, (run, history) in enumerate(histories.items()):
        look = {"color": OKABE_ITO[index % len(OKABE_ITO)], "marker": "osD^vP*"[index % 7]}
        for ax, (train, validation) in zip(axes, panels.values(), strict=True):
            if train:
                _curve(ax, history, train, f"{run}, train", linestyle=":", **look)
            _curve(ax, history, validation, f"{run}, validation", linestyle="-", **look)
    for ax, name in zip(axes, panels, strict=True):
        ax.set(xlabel="epoch", ylabel=name)
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    for ax in axes[1:]:
        ax.set_ylim(0, 1.02)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _curve(ax: Axes, history: pd.DataFrame, column: str, label: str, **look: object) -> None:
    n = len(history)
    ax.plot(
        history["epoch"],
        history[column],
        label=label,
        linewidth=1.4,
        markersize=4,
        markevery=max(1, n // 8),  # few enough to tell the curves apart
        **look,
    )


def _counts(values: pd.Series, levels: Sequence[str]) -> np.ndarray:
    return values.value_counts().reindex(list(levels), fill_value=0).to_numpy()


def _percent(ax: Axes) -> None:
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _label_inside(ax: Axes, bars: mpl.container.BarContainer, shares: np.ndarray) -> None:
    """Print shares that are high enough to hold the number, on white so that hatches let read."""
    labels = [f"{100 * share:.0f} %" if share >= 0.05 else "" for share in shares]
    for text in ax.bar_label(bars, labels=labels, label_type="center", fontsize=8):
        if text.get_text():
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85})
