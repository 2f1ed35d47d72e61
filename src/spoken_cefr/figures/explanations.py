"""The figures that explain one recording."""

import numpy as np
import pandas as pd

from spoken_cefr.figures.parts import GREY, legend_above
from spoken_cefr.figures.style import OKABE_ITO, Drawing, in_style

N_MEASURES = 8


@in_style
def draw_segments(evidence: pd.DataFrame, title: str) -> Drawing:
    """What each segment says for the answer, over time, and the attention if there is some.

    Segments in which no word is spoken are hatched: what decides there is no language. The table
    is from :func:`spoken_cefr.evaluation.explanations.segment_evidence`.
    """
    panels = {"evidence": "evidence (nats)"}
    if evidence["attention"].notna().any():
        panels["attention"] = "attention (share)"
    figure = Drawing(width_in=8, height_in=0.8 + 2.0 * len(panels))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False).ravel()
    middle_s = (evidence["start_s"] + evidence["end_s"]) / 2
    step_s = float(np.median(np.diff(middle_s))) if len(evidence) > 1 else 1.0
    wordless = (evidence["text"].fillna("").str.strip() == "").to_numpy()
    looks = {"with words": (~wordless, {"color": OKABE_ITO[0]})}
    if wordless.any():
        plain = {"facecolor": "white", "edgecolor": OKABE_ITO[5], "hatch": "////"}
        looks["no word"] = wordless, plain
    for ax, (name, label) in zip(axes, panels.items(), strict=True):
        values = evidence[name].to_numpy()
        for kind, (chosen, look) in looks.items():
            ax.bar(middle_s[chosen], values[chosen], width=0.9 * step_s, label=kind, **look)
        ax.axhline(0, color=GREY, lw=0.8)
        ax.set_ylabel(label)
    axes[0].set_title(title)
    axes[-1].set_xlabel("time (s)")
    legend_above(figure, axes[0], ncols=2)
    return figure


@in_style
def draw_gradcam(image: np.ndarray, heat: np.ndarray, title: str) -> Drawing:
    """A mel image, and the same with the places that speak for the answer, both (height, width).

    Low frequencies are in the last row of the image, as the network saw it.
    """
    figure = Drawing(width_in=7, height_in=3.4)
    left, right = figure.subplots(1, 2, sharey=True)
    for ax, name in ((left, "what the network saw"), (right, "where it finds its answer")):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set_xlabel("time (pixels)")
        ax.set_title(name, fontsize=9)
    shown = right.imshow(heat, cmap="cividis", alpha=0.6, vmin=0, vmax=1, interpolation="nearest")
    left.set_ylabel("mel band (pixels)")
    figure.colorbar(shown, label="Grad-CAM (share of its maximum)")
    figure.suptitle(title, fontsize=10)
    return figure


@in_style
def draw_measures(differences: pd.DataFrame, title: str) -> Drawing:
    """The measures that set the recording most apart from the neighbouring levels.

    Parameters
    ----------
    differences : pd.DataFrame
        From :func:`spoken_cefr.evaluation.explanations.measure_differences`.
        A row is in interquartile ranges of all recordings, from the median of
        the answered level: rows compare.
    """
    rows = differences.dropna(subset="margin").head(N_MEASURES).iloc[::-1]
    figure = Drawing(width_in=8, height_in=1.3 + 0.42 * max(len(rows), 1))
    ax = figure.subplots()
    looks = {
        "below": ("median, level below", OKABE_ITO[4], "<"),
        "above": ("median, level above", OKABE_ITO[1], ">"),
        "value": ("this recording, and its value", OKABE_ITO[6], "o"),
    }
    places = np.arange(len(rows))
    away = rows[list(looks)].sub(rows["at"], axis=0).div(rows["spread"], axis=0)
    ax.hlines(places, away.min(axis=1).clip(upper=0), away.max(axis=1).clip(lower=0),
              color="#CCCCCC", lw=0.8)  # fmt: skip
    ax.axvline(0, color=OKABE_ITO[2], lw=1.5, label="median, its level")
    for name, (label, color, marker) in looks.items():
        if away[name].notna().any():  # the lowest level has none below
            ax.plot(away[name], places, marker, color=color, ms=7, label=label)
    for place, at, value in zip(places, away["value"], rows["value"], strict=True):
        ax.annotate(f"{value:.3g}", (at, place), xytext=(0, 6), textcoords="offset points",
                    ha="center", fontsize=7)  # fmt: skip
    ax.set_yticks(places, rows["measure"])
    ax.set_ylim(-0.6, max(len(rows), 1) - 0.2)
    ax.set_xlabel("from the level's median (interquartile ranges of all recordings)")
    ax.set_title(title)
    legend_above(figure, ax, ncols=4)
    return figure
