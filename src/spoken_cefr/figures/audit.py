"""The figures of the audit: what probes and networks read, and whether more speakers would help."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from spoken_cefr.figures.parts import GREY, legend_above, points
from spoken_cefr.figures.style import OKABE_ITO, Drawing, in_style

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


class Look(NamedTuple):
    """How the rows of one mark are drawn, and how far from the line of their model."""

    label: str
    color: str
    marker: str
    shift_probe: float
    shift_run: float


# By the mark of the row, see `spoken_cefr.evaluation.shortcuts.audit.marks_of`.
LOOKS = {
    "as it is": Look("as it is", OKABE_ITO[0], "o", 0.12, 0.45),
    "within duration classes": Look("within duration classes", OKABE_ITO[2], "D", -0.2, 0.15),
    "silence only": Look("network trained on silence only", OKABE_ITO[4], "s", 0.0, -0.15),
    "labels permuted": Look("network trained on permuted labels", OKABE_ITO[5], "x", 0.0, -0.45),
}
STROKE = {"color": OKABE_ITO[5], "marker": "|", "ls": "", "ms": 13, "mew": 2}


@in_style
def draw_audit(audit: pd.DataFrame, marks: pd.Series) -> Drawing:
    """What probes and networks read of the level and of other things: kappa with its interval.

    A vertical stroke marks what 95 of 100 probes on permuted labels stay below. Of ``audit.csv``
    the probes are shown, and the runs that were trained again; a row's mark is one of ``LOOKS``.
    """
    of_run = audit["kind"] == "run"
    probes = [name for name in VECTOR_NAMES if name in set(audit["model"][~of_run])]
    again = marks.isin(list(LOOKS)[2:]) | (audit["target"] != "level")
    runs = sorted(set(audit["model"][of_run & again]))
    targets = [name for name in TARGET_TITLES if name in set(audit["target"])]
    figure = Drawing(width_in=8.5, height_in=1.4 + 0.36 * len(probes) + 0.5 * len(runs))
    axes = np.atleast_1d(figure.subplots(1, max(len(targets), 1), sharey=True))
    # A run has up to five marks in its row, a probe two.
    steps = np.array([1.0] * len(probes) + [1.5] * len(runs))
    places = pd.Series(steps.sum() - steps.cumsum() + steps / 2, index=[*probes, *runs])
    for ax, target in zip(axes, targets, strict=False):
        asked = audit["target"] == target
        for mark, look in LOOKS.items():
            told = audit[asked & (marks == mark)].set_index("model").reindex(places.index)
            shift = [look.shift_probe] * len(probes) + [look.shift_run] * len(runs)
            bounds = told["kappa_low"], told["kappa_high"]
            points(ax, places + shift, told["kappa"], bounds, upright=False,
                   color=look.color, marker=look.marker)  # fmt: skip
            if mark == "as it is":
                by_chance = told["permuted_kappa_high"][probes]
                ax.plot(by_chance, places[probes] + look.shift_probe, **STROKE)
        ax.axvline(0, color=GREY, lw=0.8)
        if runs and probes:
            ax.axhline(1.5 * len(runs), color=GREY, lw=0.8, ls=":")
        ax.set(xlabel="kappa (0: chance)", xlim=(-1.1, 1.1), ylim=(-0.1, max(steps.sum(), 1) + 0.1))
        ax.set_xticks([-1, 0, 1])
        ax.set_title(TARGET_TITLES[target], fontsize=10)
        ax.grid(axis="x", lw=0.4)
    axes[0].set_yticks(places, [VECTOR_NAMES.get(name, name) for name in places.index])
    for mark, look in LOOKS.items():
        if (marks == mark).any():
            axes[0].plot([], [], label=look.label, color=look.color, marker=look.marker, ls="")
    axes[0].plot([], [], label="probe, labels permuted: 95 of 100 below", **STROKE)
    legend_above(figure, axes[0], ncols=3)
    return figure


@in_style
def draw_learning_curve(curve: pd.DataFrame) -> Drawing:
    """Of ``learning_curve.csv``: kappa over the speakers trained on, probes and runs apart."""
    titles = {"probe": "probes, cross-validated", "run": "networks, out of fold"}
    kinds = [kind for kind in titles if kind in set(curve["kind"])] or ["probe"]
    figure = Drawing(width_in=4 * len(kinds), height_in=4)
    panels = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    apart = 0.012 * curve["n_train_speakers"].max()
    n_before = 0  # a look means one model in the whole figure
    for ax, kind in zip(panels, kinds, strict=True):
        curves = list(curve[curve["kind"] == kind].groupby("model", sort=False))
        for look, (name, rows) in enumerate(curves):
            # Side by side, so that the intervals of two curves do not hide each other.
            speakers = rows["n_train_speakers"] + apart * (look - (len(curves) - 1) / 2)
            kappa, *bounds = (
                rows[f"quadratic_weighted_kappa{end}"] for end in ("", "_low", "_high")
            )
            points(ax, speakers, kappa, tuple(bounds), look=n_before + look, ls="-",
                   label=VECTOR_NAMES.get(name, name))  # fmt: skip
        n_before += len(curves)
        ax.axhline(0, color=GREY, lw=0.8)
        ax.set(xlabel="speakers trained on", ylim=(None, 1.02))
        ax.set_title(titles[kind], fontsize=10)
        ax.grid(axis="y", lw=0.4)
        if curves:
            ax.legend(
                fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, columnspacing=1
            )
    panels[0].set_ylabel("quadratic weighted kappa")
    return figure
