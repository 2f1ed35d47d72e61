"""What tests read from a figure."""

import numpy as np


def bars_by_label(ax, bars):
    """Height of each bar under the tick label that is nearest to its middle."""
    ticks, labels = ax.get_xticks(), [text.get_text() for text in ax.get_xticklabels()]
    heights = {}
    for bar in bars:
        middle = bar.get_x() + bar.get_width() / 2
        nearest = int(np.argmin(np.abs(ticks - middle)))
        assert labels[nearest] not in heights, "two bars of one series over one label"
        heights[labels[nearest]] = bar.get_height()
    return heights
