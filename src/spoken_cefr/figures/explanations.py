"""The figures that explain one recording."""

import numpy as np
import pandas as pd

from spoken_cefr.figures.parts import GREY, hertz_axis, legend_above
from spoken_cefr.figures.style import OKABE_ITO, Drawing, in_style

N_MEASURES = 8
SHADE = "#E4E4E4"
WORDLESS = {"facecolor": "white", "edgecolor": OKABE_ITO[5], "hatch": "////"}


@in_style
def draw_segments(evidence: pd.DataFrame, title: str) -> Drawing:
    """What each segment says for the answer, over time, and the attention if there is some.

    Segments in which no word is spoken are hatched: what decides there is no language. Where some
    segments have attention (share of the recording's answer), those without one are outside
    what the network answered from: they are shaded and have no bar. The table is from
    :func:`spoken_cefr.evaluation.explanations.segment_evidence`, with the column attention.
    """
    heard = evidence["attention"].notna().to_numpy()
    panels = {"evidence": "evidence (nats)"}
    if heard.any():
        panels["attention"] = "attention (share)"
    else:
        heard = np.ones(len(evidence), dtype=bool)
    figure = Drawing(width_in=8, height_in=0.8 + 2.0 * len(panels))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False).ravel()
    middle_s = (evidence["start_s"] + evidence["end_s"]) / 2
    step_s = float(np.median(np.diff(middle_s))) if len(evidence) > 1 else 1.0
    wordless = (evidence["text"].fillna("").str.strip() == "").to_numpy()
    looks = {"with words": (heard & ~wordless, {"color": OKABE_ITO[0]})}
    if (heard & wordless).any():
        looks["no word"] = heard & wordless, WORDLESS
    for ax, (name, label) in zip(axes, panels.items(), strict=True):
        values = evidence[name].to_numpy()
        for kind, (chosen, look) in looks.items():
            ax.bar(middle_s[chosen], values[chosen], width=0.9 * step_s, label=kind, **look)
        for row in evidence[~heard].itertuples():
            ax.axvspan(row.start_s, row.end_s, color=SHADE, lw=0, label="outside the crop it heard")
        ax.axhline(0, color=GREY, lw=0.8)
        ax.set_ylabel(label)
    axes[0].set_title(title)
    axes[-1].set(xlabel="time (s)", xlim=(evidence["start_s"].min(), evidence["end_s"].max()))
    legend_above(figure, axes[0], ncols=3)
    return figure


@in_style
def draw_gradcam(
    image: np.ndarray,
    heat: np.ndarray,
    title: str,
    *,
    length_s: float,
    n_mels: int,
    sample_rate: int,
) -> Drawing:
    """A mel image, and the same with the places that speak for the answer, both (height, width).

    The highest band is the first row of the image, as the network saw it; the axes say which
    time of the segment (of ``length_s``) and which frequency of its ``n_mels`` bands that is.
    """
    figure = Drawing(width_in=8, height_in=3.6)
    left, right = figure.subplots(1, 2, sharey=True)
    place = {"extent": (0, length_s, 0, n_mels), "aspect": "auto", "interpolation": "nearest"}
    for ax, name in ((left, "what the network saw"), (right, "where it finds its answer")):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1, **place)
        ax.set_xlabel("time in the segment (s)")
        ax.set_title(name, fontsize=9)
    shown = right.imshow(heat, cmap="cividis", alpha=0.6, vmin=0, vmax=1, **place)
    hertz_axis(left, n_mels=n_mels, sample_rate=sample_rate)
    figure.colorbar(shown, label="Grad-CAM (share of its maximum)")
    figure.suptitle(title, fontsize=10)
    return figure


@in_style
def draw_measures(differences: pd.DataFrame, title: str) -> Drawing:
    """The measures that set the recording most apart from the neighbouring levels.

    The table is from :func:`spoken_cefr.evaluation.explanations.measure_differences`, with the
    column unit. A row is in interquartile ranges of the recordings of the other folds, from
    the median of its level: rows compare.
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
    on_white = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    for place, at, value in zip(places, away["value"], rows["value"], strict=True):
        ax.annotate(f"{value:.3g}", (at, place), xytext=(0, 7), textcoords="offset points",
                    ha="center", fontsize=8, bbox=on_white)  # fmt: skip
    ax.set_yticks(places, [f"{row.measure} ({row.unit})" for row in rows.itertuples()])
    ax.set_ylim(-0.6, max(len(rows), 1) - 0.2)
    ax.set_xlabel(
        "from the level's median (in interquartile ranges; recordings of the other folds)"
    )
    ax.set_title(title)
    legend_above(figure, ax, ncols=4)
    return figure
