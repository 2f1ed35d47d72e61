"""The figures of the audit, of calibration, of levels, of agreement, and of the learning curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spoken_cefr.evaluation.shortcuts.conditions import PERMUTED, SILENCE, WITHIN, as_it_is
from spoken_cefr.figures.style import HATCHES, OKABE_ITO, Drawing, in_style

MARKERS = "osD^vP*"
LABEL_BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.9}
TARGET_TITLES = {
    "level": "level",
    "age_group": "speaker's age",
    "gender": "speaker's gender",
    "year": "time of recording",
}
VECTOR_NAMES = {
    "duration": "duration only",
    "mel": "sound, whole recording",
    "mel_crop": "sound, 15 s crop",
    "mel_silence": "sound, silence only",
    "speech": "speech embedding, whole",
    "speech_crop": "speech embedding, 15 s crop",
    "measures": "fluency and language measures",
}


@dataclass(frozen=True)
class Look:
    """How some rows of ``audit.csv`` are marked, and how far from the line of their model."""

    label: str
    color: str
    marker: str
    shift_probe: float
    shift_run: float


LOOKS = (
    Look("as it is", OKABE_ITO[0], "o", 0.12, 0.45),
    Look(WITHIN, OKABE_ITO[2], "D", -0.2, 0.15),
    Look("network trained on silence only", OKABE_ITO[4], "s", 0.0, -0.15),
    Look("network trained on permuted labels", OKABE_ITO[5], "x", 0.0, -0.45),
)
STROKE = {"color": OKABE_ITO[5], "marker": "|", "ls": "", "ms": 13, "mew": 2}


@in_style
def draw_audit(audit: pd.DataFrame) -> Drawing:
    """What probes and networks read of the level and of other things: kappa with its interval.

    Parameters
    ----------
    audit : pd.DataFrame
        As ``audit.csv``; its probes are shown, and the runs that were trained
        again. A vertical stroke marks what 95 of 100 probes on permuted labels
        stay below.
    """
    kinds, conditions = audit["kind"], audit["condition"]
    marked = [
        as_it_is(audit),
        conditions == WITHIN,
        (kinds == "run") & (conditions == SILENCE),
        (kinds == "run") & (conditions == PERMUTED),
    ]
    probes = [name for name in VECTOR_NAMES if name in set(audit["model"][kinds == "probe"])]
    again = conditions.isin((SILENCE, PERMUTED)) | (audit["target"] != "level")
    runs = sorted(set(audit["model"][(kinds == "run") & again]))
    names = [*probes, *runs]
    targets = [name for name in TARGET_TITLES if name in set(audit["target"])]
    figure = Drawing(width_in=8.5, height_in=1.4 + 0.36 * len(probes) + 0.5 * len(runs))
    axes = np.atleast_1d(figure.subplots(1, max(len(targets), 1), sharey=True))
    # A run has up to five marks in its row, a probe two.
    steps = np.array([1.0] * len(probes) + [1.5] * len(runs))
    places = pd.Series(steps.sum() - steps.cumsum() + steps / 2, index=names)
    for ax, target in zip(axes, targets, strict=False):
        asked = audit["target"] == target
        for look, chosen in zip(LOOKS, marked, strict=True):
            told = audit[asked & chosen].set_index("model").reindex(names)
            shift = np.array([look.shift_probe] * len(probes) + [look.shift_run] * len(runs))
            _points(ax, told, places + shift, color=look.color, marker=look.marker)
        by_chance = audit[asked & as_it_is(audit)].set_index("model")["permuted_kappa_high"]
        ax.plot(by_chance.reindex(probes), places[probes] + LOOKS[0].shift_probe, **STROKE)
        ax.axvline(0, color="#888888", lw=0.8)
        if runs and probes:
            ax.axhline(1.5 * len(runs), color="#888888", lw=0.8, ls=":")
        ax.set(xlabel="kappa", xlim=(-1.02, 1.02), ylim=(-0.1, max(steps.sum(), 1) + 0.1))
        ax.set_title(TARGET_TITLES[target], fontsize=10)
        ax.grid(axis="x", lw=0.4)
    axes[0].set_yticks(places, [VECTOR_NAMES.get(name, name) for name in names])
    for look, chosen in zip(LOOKS, marked, strict=True):
        if chosen.any():
            axes[0].plot([], [], label=look.label, color=look.color, marker=look.marker, ls="")
    axes[0].plot([], [], label="probe, labels permuted: 95 of 100 below", **STROKE)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


@in_style
def draw_learning_curve(curve: pd.DataFrame) -> Drawing:
    """Kappa over the number of speakers trained on: a panel for the probes, one for the runs.

    Parameters
    ----------
    curve : pd.DataFrame
        As ``learning_curve.csv``.
    """
    titles = {"probe": "probes, cross-validated", "run": "networks, test part"}
    kinds = [kind for kind in titles if kind in set(curve["kind"])] or ["probe"]
    figure = Drawing(width_in=4 * len(kinds), height_in=4)
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    apart = 0.012 * curve["n_train_speakers"].max()
    for ax, kind in zip(panels, kinds, strict=True):
        curves = list(curve[curve["kind"] == kind].groupby("model", sort=False))
        for index, (name, rows) in enumerate(curves):
            # Side by side, so that the intervals of two curves do not hide each other.
            speakers = rows["n_train_speakers"] + apart * (index - (len(curves) - 1) / 2)
            kappa = rows["quadratic_weighted_kappa"]
            low, high = (rows[f"quadratic_weighted_kappa_{end}"] for end in ("low", "high"))
            color = OKABE_ITO[index % len(OKABE_ITO)]
            ax.vlines(speakers, low, high, color=color, lw=1, alpha=0.6)
            ax.plot(speakers, kappa, color=color, marker=MARKERS[index % 7], ms=5,
                    label=VECTOR_NAMES.get(name, name))  # fmt: skip
        ax.axhline(0, color="#888888", lw=0.8)
        ax.set(xlabel="speakers trained on", ylabel="quadratic weighted kappa", ylim=(None, 1.02))
        ax.set_title(titles[kind], fontsize=10)
        ax.grid(axis="y", lw=0.4)
        if len(curve):
            ax.legend(
                fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, columnspacing=1
            )
    return figure


@in_style
def draw_calibration(calibration: pd.DataFrame, names: Sequence[str], *, unit: str) -> Drawing:
    """Reliability diagrams: share of right answers over the probability given to them.

    Parameters
    ----------
    calibration : pd.DataFrame
        As ``calibration.csv``.
    names : sequence of str
        Runs, one panel each.
    """
    n_columns = min(3, max(len(names), 1))
    n_rows = -(-len(names) // n_columns) or 1
    figure = Drawing(width_in=2.7 * n_columns + 0.4, height_in=2.7 * n_rows + 0.3)
    axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    for ax, name in zip(axes, names, strict=False):
        rows = calibration[(calibration["run"] == name) & (calibration["unit"] == unit)]
        ax.plot([0, 1], [0, 1], color="#888888", lw=0.8, ls="--")
        ax.vlines(
            rows["confidence"], rows["wilson_low"], rows["wilson_high"], color=OKABE_ITO[0], lw=1
        )
        sizes = 12 + 120 * rows["n"] / max(rows["n"].sum(), 1)
        ax.scatter(rows["confidence"], rows["accuracy"], s=sizes, color=OKABE_ITO[0], zorder=3)
        ax.set_title(f"{name} (n = {rows['n'].sum():,})", fontsize=9)
        ax.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal")
        # Under each panel of the last row; supxlabel is where the notice stands.
        ax.set_xlabel("probability given" if ax in axes[-n_columns:] else "")
    figure.supylabel("share of right answers", fontsize=10)
    return figure


@in_style
def draw_per_class(per_class: pd.DataFrame, names: Sequence[str], *, unit: str) -> Drawing:
    """Recall and precision of each level with Wilson intervals.

    Parameters
    ----------
    per_class : pd.DataFrame
        As ``per_class.csv``.
    names : sequence of str
        Runs and baselines to show, seven at most.
    """
    rows = per_class[(per_class["unit"] == unit) & per_class["run"].isin(names)]
    levels = list(dict.fromkeys(per_class["level"]))
    figure = Drawing(width_in=8, height_in=3.4)
    for ax, measure in zip(
        figure.subplots(1, 2, sharey=True), ("recall", "precision"), strict=True
    ):
        for index, name in enumerate(names):
            told = rows[(rows["run"] == name) & (rows["measure"] == measure)]
            told = told.set_index("level").reindex(levels)
            offset = (index - (len(names) - 1) / 2) * 0.8 / max(len(names), 1)
            places = np.arange(len(levels)) + offset
            color = OKABE_ITO[index % len(OKABE_ITO)]
            ax.vlines(places, told["wilson_low"], told["wilson_high"], color=color, lw=1.5)
            ax.plot(places, told["value"], MARKERS[index % 7], color=color, ms=5, label=name)
        ax.set_xticks(np.arange(len(levels)), levels)
        ax.set(
            xlabel="CEFR level",
            title=f"{measure}, test {unit}s",
            xlim=(-0.6, len(levels) - 0.4),
            ylim=(-0.04, 1.04),
        )
        ax.grid(axis="y", lw=0.4)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


@in_style
def draw_agreement(agreement: pd.DataFrame, *, unit: str) -> Drawing:
    """Quadratic weighted kappa of each two runs, as a matrix.

    Parameters
    ----------
    agreement : pd.DataFrame
        As ``agreement.csv``.
    """
    rows = agreement[agreement["unit"] == unit]
    names = list(dict.fromkeys([*rows["run"], *rows["other"]]))
    matrix = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for row in rows.itertuples():
        matrix.loc[row.run, row.other] = row.quadratic_weighted_kappa
        matrix.loc[row.other, row.run] = row.quadratic_weighted_kappa
    side = 2.6 + 0.42 * len(names)
    figure = Drawing(width_in=side + 1, height_in=side)
    ax = figure.subplots()
    image = ax.imshow(matrix, cmap="cividis", vmin=-0.2, vmax=1)
    for (row, column), kappa in np.ndenumerate(matrix.to_numpy()):
        if not np.isnan(kappa):
            color = "black" if kappa > 0.5 else "white"
            ax.text(column, row, f"{kappa:.2f}", ha="center", va="center", color=color, fontsize=7)
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.spines[:].set_visible(False)
    ax.set_title(f"agreement of runs, test {unit}s")
    figure.colorbar(image, label="quadratic weighted kappa")
    return figure


@in_style
def draw_groups(groups: pd.DataFrame, run: str) -> Drawing:
    """Accuracy of a run in each group of recordings, with intervals over speakers.

    Parameters
    ----------
    groups : pd.DataFrame
        As ``audit_groups.csv``.
    """
    rows = groups[(groups["run"] == run) & (groups["metric"] == "accuracy")]
    groupings = list(dict.fromkeys(rows["grouping"]))
    figure = Drawing(width_in=8, height_in=3.2)
    axes = figure.subplots(1, max(len(groupings), 1), sharey=True, squeeze=False).ravel()
    for index, (ax, grouping) in enumerate(zip(axes, groupings, strict=False)):
        told = rows[rows["grouping"] == grouping]
        names = [f"{row.group}\nn = {row.n}" for row in told.itertuples()]
        places = np.arange(len(told))
        ax.bar(
            places, told["value"], color=OKABE_ITO[index], hatch=HATCHES[index], edgecolor="white"
        )
        ax.vlines(places, told["low"], told["high"], color="black", lw=1.2)
        for place, value in zip(places, told["value"], strict=True):
            ax.text(place, 0.03, f"{value:.2f}", ha="center", fontsize=8, bbox=LABEL_BOX)
        ax.set_xticks(places, names, fontsize=8)
        ax.set(title=grouping.replace("_", " "), ylim=(0, 1.08))
    axes[0].set_ylabel(f"accuracy of {run}")
    return figure


def _points(ax, rows: pd.DataFrame, places: np.ndarray, *, color: str, marker: str) -> None:
    ax.hlines(places, rows["kappa_low"], rows["kappa_high"], color=color, lw=1.8)
    ax.plot(rows["kappa"], places, marker, color=color, ms=5)
