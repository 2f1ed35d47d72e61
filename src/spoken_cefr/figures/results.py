"""The figures of scores: each run beside the baselines, its mistakes, its levels, its epochs."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator, PercentFormatter

from spoken_cefr.corpus.cards import AGE_GROUPS, DURATION_CLASSES
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.figures.parts import GREY, MARKERS, heat_map, legend_above, points
from spoken_cefr.figures.style import OKABE_ITO, Drawing, in_style

GENDERS = {"féminin": "feminine", "masculin": "masculine"}
SITE_WORDS = (
    AGE_GROUPS | GENDERS | {name: name.replace("secondes", "s") for name in DURATION_CLASSES}
)


@in_style
def draw_scores(
    results: pd.DataFrame, *, unit: str = "recording", shortcuts: Collection[str] = ()
) -> Drawing:
    """Every run and baseline with its interval over speakers and its spread over seeds.

    Of ``results.csv``: those of ``shortcuts``, answers that need no listening, stand below the
    others, each kind with the best kappa on top; a dashed line is the best of them.
    """
    rows = results[results["unit"] == unit]
    rows = rows.assign(listens=~rows["run"].isin(list(shortcuts)))
    rows = rows.sort_values(["listens", "quadratic_weighted_kappa"])
    n_shortcuts = int((~rows["listens"]).sum())
    measures = {
        "accuracy": "accuracy",
        "macro_f1": "macro-F1",
        "quadratic_weighted_kappa": "quadratic weighted kappa",
    }
    figure = Drawing(width_in=8, height_in=1.4 + 0.35 * len(rows))
    axes = figure.subplots(1, len(measures), sharey=True)
    places = range(len(rows))
    for ax, (name, title) in zip(axes, measures.items(), strict=True):
        low, high = (rows[f"{name}_{end}"] for end in ("low", "high"))
        ax.hlines(places, low, high, color=OKABE_ITO[0], lw=2, label="interval over speakers")
        seeds = (rows[f"{name}_seed_{end}"] for end in ("low", "high"))
        ax.hlines(places, *seeds, color=OKABE_ITO[1], lw=5, alpha=0.7, label="spread over seeds")
        ax.plot(rows[name], places, "o", color=OKABE_ITO[6], ms=4)
        if n_shortcuts:
            best = rows[name].iloc[:n_shortcuts].max()
            ax.axvline(best, color=OKABE_ITO[5], ls="--", lw=1, label="best shortcut")
            ax.axhline(n_shortcuts - 0.5, color=GREY, lw=0.8, ls=":")
        ax.set(xlabel=title, xlim=(min(-0.05, low.min() - 0.05), 1.05))
        ax.grid(axis="x", lw=0.4)
    axes[0].set_ylim(-0.6, len(rows) - 0.4)
    axes[0].set_yticks(places, rows["run"])
    n, n_speakers = rows["n"].iloc[0], rows["n_speakers"].iloc[0]
    title = f"{n:,} {unit}s of {n_speakers} speakers, out of fold"
    legend_above(figure, axes[0], ncols=3, title=title)
    return figure


@in_style
def draw_confusion(
    matrix: pd.DataFrame | np.ndarray, title: str, *, levels: Sequence[str] = TARGET_LEVELS
) -> Drawing:
    """Confusion matrix (k, k), rows the truth: counts, and each as a share of its row."""
    counts = np.asarray(matrix)
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    texts = np.empty(counts.shape, dtype=object)
    for (row, column), count in np.ndenumerate(counts):
        # An empty cell is read at a glance; "0" and "0%" in most cells are not.
        share = f"{shares[row, column]:.0%}"
        texts[row, column] = f"{_count(count)}\n{share}" if count else ""
    rows = [f"{level} (n = {_count(n)})" for level, n in zip(levels, totals, strict=True)]
    figure = Drawing(width_in=5.2, height_in=4.4)
    ax = figure.subplots()
    image = heat_map(ax, shares, texts, (rows, levels))
    bar = figure.colorbar(image, label="share of the true level's row")
    ax.set(xlabel="predicted level", ylabel="true level", title=title)
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    return figure


def _count(value: float) -> str:
    """A count, with a decimal where it is a mean over seeds."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


@in_style
def draw_calibration(calibration: pd.DataFrame, names: Sequence[str]) -> Drawing:
    """Reliability diagrams, a panel a run: right answers over the probability given to them.

    The number below a point is that of its answers, recordings; the strokes are Wilson intervals,
    which take these as independent. The rows are as those of ``calibration.csv``, of bins that
    hold enough answers to mean something.
    """
    calibration = calibration[calibration["unit"] == "recording"]
    n_columns = min(3, max(len(names), 1))
    n_rows = -(-len(names) // n_columns) or 1
    figure = Drawing(width_in=2.7 * n_columns + 0.4, height_in=2.7 * n_rows + 0.3)
    axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    for ax, name in zip(axes, names, strict=False):
        rows = calibration[calibration["run"] == name]
        ax.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="--")
        bounds = rows["wilson_low"], rows["wilson_high"]
        points(ax, rows["confidence"], rows["accuracy"], bounds, marker="")
        ax.plot(rows["confidence"], rows["accuracy"], "o", color=OKABE_ITO[0], ms=5)
        for row in rows.itertuples():
            told = {"xytext": (0, -10), "textcoords": "offset points", "fontsize": 8}
            ax.annotate(f"{row.n:,.0f}", (row.confidence, row.wilson_low), ha="center", **told)
        ax.set_title(f"{name} (n = {rows['n'].sum():,.0f})", fontsize=9)
        ax.set(xlim=(-0.04, 1.04), ylim=(-0.12, 1.04), aspect="equal")
        # Under each panel of the last row; supxlabel is where the notice stands.
        ax.set_xlabel("probability given" if ax in axes[-n_columns:] else "")
    figure.supylabel("share of right answers", fontsize=10)
    return figure


@in_style
def draw_per_class(per_class: pd.DataFrame, names: Sequence[str]) -> Drawing:
    """Of ``per_class.csv``: recall and precision of each level, with intervals over speakers.

    ``names`` are the runs and baselines whose answers to recordings are shown, seven at most.
    """
    rows = per_class[per_class["unit"] == "recording"].set_index(["run", "measure", "level"])
    levels = list(dict.fromkeys(per_class["level"]))
    figure = Drawing(width_in=8, height_in=3.4)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, measure in zip(axes, ("recall", "precision"), strict=True):
        for look, name in enumerate(names):
            told = rows.reindex([(name, measure, level) for level in levels])
            offset = (look - (len(names) - 1) / 2) * 0.8 / max(len(names), 1)
            bounds = told["low"], told["high"]
            points(ax, np.arange(len(levels)) + offset, told["value"], bounds, look=look,
                   label=name)  # fmt: skip
        ax.set_xticks(np.arange(len(levels)), levels)
        ax.set(xlabel="CEFR level", title=f"{measure} of recordings")
        ax.set(xlim=(-0.6, len(levels) - 0.4), ylim=(-0.04, 1.04))
        ax.grid(axis="y", lw=0.4)
    axes[0].set_ylabel("share right")
    legend_above(figure, axes[0], ncols=3)
    return figure


@in_style
def draw_groups(groups: pd.DataFrame, run: str, *, min_speakers: int) -> Drawing:
    """Of ``audit_groups.csv``: accuracy of a run in each group, with intervals over speakers.

    A group of fewer than ``min_speakers`` is hollow and has no interval: two speakers who do
    equally well would have the narrowest of all.
    """
    rows = groups[(groups["run"] == run) & (groups["metric"] == "accuracy")]
    groupings = list(rows.groupby("grouping", sort=False))
    figure = Drawing(width_in=8, height_in=3.2)
    axes = figure.subplots(1, max(len(groupings), 1), sharex=True, squeeze=False).ravel()
    for look, (ax, (grouping, told)) in enumerate(zip(axes, groupings, strict=False)):
        # The site's order from above; what it has no word for comes last.
        told = told.set_index("group")
        order = [*SITE_WORDS, *sorted(set(told.index) - set(SITE_WORDS))]
        told = told.loc[[name for name in reversed(order) if name in told.index]]
        places = np.arange(len(told))
        enough = (told["n_speakers"] >= min_speakers).to_numpy()
        bounds = told["low"].where(enough), told["high"].where(enough)
        points(ax, places, told["value"], bounds, look=look, upright=False)
        few = {"marker": MARKERS[look], "color": OKABE_ITO[look], "mfc": "white", "ls": "", "ms": 5}
        ax.plot(told["value"][~enough], places[~enough], **few)
        ax.set_yticks(places, [_group_name(row) for row in told.itertuples()], fontsize=8)
        ax.set(title=grouping.replace("_", " "), ylim=(-0.6, len(told) - 0.4), xlim=(-0.04, 1.04))
        ax.set_xlabel(f"accuracy of\n{run}", fontsize=8)
        ax.grid(axis="x", lw=0.4)
    axes[0].set_ylabel("group (recordings)")
    return figure


def _group_name(row: NamedTuple) -> str:
    """A group in English, with how many recordings it has of how many speakers."""
    name = SITE_WORDS.get(row.Index, row.Index)
    return f"{name}\n({row.n} of {row.n_speakers} speaker{'s' if row.n_speakers > 1 else ''})"


@in_style
def draw_learning_curves(histories: Mapping[str, pd.DataFrame]) -> Drawing:
    """Loss, accuracy and macro-F1 over the epochs, a column for each run.

    A vertical line is the epoch whose model was kept: the best validation macro-F1.

    Parameters
    ----------
    histories : mapping of str to pd.DataFrame
        By run: epoch, train_loss, train_accuracy, validation_loss,
        validation_accuracy, validation_macro_f1.
    """
    panels = {"loss": "loss (nats)", "accuracy": "accuracy", "macro_f1": "macro-F1"}
    looks = {"train": {"color": OKABE_ITO[1], "ls": "--"}, "validation": {"color": OKABE_ITO[0]}}
    n_runs = max(len(histories), 1)
    figure = Drawing(width_in=max(1.35 * n_runs + 0.5, 4.5), height_in=4.8)
    grid = figure.subplots(len(panels), n_runs, squeeze=False, sharex="col")
    for column, (run, history) in zip(grid.T, histories.items(), strict=False):
        kept = history["epoch"].iloc[history["validation_macro_f1"].to_numpy().argmax()]
        for ax, (name, label) in zip(column, panels.items(), strict=True):
            for part, look in looks.items():
                if f"{part}_{name}" in history:
                    values = history[f"{part}_{name}"]
                    ax.plot(history["epoch"], values, label=part, lw=1.4, **look)
            ax.axvline(kept, color=GREY, lw=0.8, ls=":", label="epoch kept")
            ax.set_xlabel("epoch", fontsize=8)
            ax.set_ylabel(label if ax in grid[:, 0] else "", fontsize=8)
            ax.tick_params(labelsize=8)
            if name != "loss":  # heads have losses of their own; shares compare
                ax.set_ylim(-0.02, 1.02)
        column[0].set_title(run, fontsize=8)
        column[-1].xaxis.set_major_locator(MaxNLocator(4, integer=True))
    legend_above(figure, grid[0, 0], ncols=3)
    return figure
