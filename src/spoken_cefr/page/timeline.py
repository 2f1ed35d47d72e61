"""The sound, and the level below it, along time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from spoken_cefr.prediction.report import clock

COLUMNS = 1000  # of the waveform: about the figure's width in pixels
INK, BLUE, GREY = "#1a1a1a", "#00508c", "#8a8a8a"


def envelope(signal: np.ndarray) -> np.ndarray:
    """Lowest and highest sample of each of `COLUMNS` stretches (fewer of a short signal).

    Of a signal (n_samples,). -> (2, n_columns)
    """
    n = min(COLUMNS, len(signal))
    stretches = signal[: len(signal) // n * n].reshape(n, -1)
    return np.stack([stretches.min(axis=1), stretches.max(axis=1)])


def draw_timeline(sound: np.ndarray, result: Mapping[str, Any]) -> Figure:
    """Draw the waveform, and below it a point for each part at the height of its score.

    ``sound``, (2, n_columns), is as `envelope` gives it, ``result`` as `prediction.predict` does.
    """
    figure = Figure(figsize=(7, 3), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, 0.88))  # above stands the label of the part
    above, below = figure.subplots(2, sharex=True, height_ratios=(1, 2))
    time_s = np.linspace(0, result["duration_s"], sound.shape[1])
    above.fill_between(time_s, *sound, color=BLUE, lw=0)
    above.axis("off")
    parts = result["timeline"]
    middle_s = [(part["start_s"] + part["end_s"]) / 2 for part in parts]
    below.plot(middle_s, [part["score"] for part in parts], "o-", color=BLUE)
    classes = result["model"]["classes"]
    levels = range(1, len(classes) + 1)
    below.set(xlim=(0, result["duration_s"]), ylim=(1, len(classes) + 1))
    below.set_yticks([level + 0.5 for level in levels], classes)
    below.hlines(levels, 0, result["duration_s"], color=GREY, lw=0.5)
    below.tick_params(colors=INK, length=0)
    below.xaxis.set_major_formatter(FuncFormatter(lambda second, _: clock(second)))
    return figure
