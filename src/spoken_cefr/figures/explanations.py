"""The figures that explain one recording."""

import numpy as np
import pandas as pd

from spoken_cefr.figures.parts import GREY, legend_above
from spoken_cefr.figures.style import OKABE_ITO, Drawing, in_style

N_MEASURES = 8


@in_style
def draw_segments(evidence: pd.DataFrame, title: str) -> Drawing:
    """What each segment says for the answer, over time, and the attention if there is some.

    Parameters
    ----------
    evidence : pd.DataFrame
        From :func:`spoken_cefr.evaluation.explanations.segment_evidence`.
    """
    panels = {"evidence": "evidence for the answer (nats)"}
    if evidence["attention"].notna().any():
        panels["attention"] = "attention (share)"
    figure = Drawing(width_in=8, height_in=0.8 + 2.0 * len(panels))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False).ravel()
    middle_s = (evidence["start_s"] + evidence["end_s"]) / 2
    step_s = float(np.median(np.diff(middle_s))) if len(evidence) > 1 else 1.0
    for ax, (name, label) in zip(axes, panels.items(), strict=True):
        values = evidence[name].to_numpy()
        colors = np.where(values >= 0, OKABE_ITO[0], OKABE_ITO[5])
        ax.bar(middle_s, values, width=0.9 * step_s, color=colors)
        ax.axhline(0, color=GREY, lw=0.8)
        ax.set_ylabel(label)
    axes[0].set_title(title)
    axes[-1].set_xlabel("time (s)")
    return figure


@in_style
def draw_gradcam(image: np.ndarray, heat: np.ndarray, title: str) -> Drawing:
    """A mel image, and the same with the places that speak for the answer.

    Parameters
    ----------
    image, heat : np.ndarray, shape (height, width)
        Low frequencies in the last row of the image, as the network saw it.
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
        Each row has its own scale: from the lowest to the highest of the four
        values shown.
    """
    rows = differences.dropna(subset="margin").head(N_MEASURES).iloc[::-1]
    figure = Drawing(width_in=8, height_in=1.3 + 0.42 * max(len(rows), 1))
    ax = figure.subplots()
    looks = {
        "below": ("median, level below", OKABE_ITO[4], "<"),
        "at": ("median, its level", OKABE_ITO[2], "D"),
        "above": ("median, level above", OKABE_ITO[1], ">"),
        "value": ("this recording", OKABE_ITO[6], "o"),
    }
    values = rows[list(looks)].to_numpy(dtype=np.float64)
    low = np.nanmin(values, axis=1, initial=np.inf, keepdims=True)
    high = np.nanmax(values, axis=1, initial=-np.inf, keepdims=True)
    places = np.arange(len(rows))
    scaled = (values - low) / np.where(high > low, high - low, 1)
    ax.hlines(places, 0, 1, color="#CCCCCC", lw=0.8)
    for column, (label, color, marker) in enumerate(looks.values()):
        ax.plot(scaled[:, column], places, marker, color=color, ms=7, label=label)
    for place, value in zip(places, rows["value"], strict=True):
        ax.text(1.04, place, f"{value:.3g}", va="center", fontsize=8)
    ax.set_yticks(places, rows["measure"])
    ax.set(xlim=(-0.05, 1.15), ylim=(-0.6, max(len(rows), 1) - 0.4), xticks=[])
    ax.set_xlabel("lowest to highest of the four; the number is this recording's value")
    ax.set_title(title)
    legend_above(figure, ax, ncols=4)
    return figure
