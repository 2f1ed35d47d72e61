"""What several figures are put together from: bars, intervals, a matrix in colours, axes, a legend.

Every bar has its share or count printed on it and a hatch of its own, so that
the figures can be read in grey and by the colour-blind.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.ticker import PercentFormatter

from spoken_cefr.figures.style import HATCHES, OKABE_ITO, Drawing

MARKERS = "osD^vP*"
GREY = "#888888"
NAMED_HZ = (250, 500, 1000, 2000, 4000)  # on an axis of mel bands


def grouped_bars(
    ax: Axes,
    series: Mapping[str, Sequence[float]],
    levels: Sequence[str],
    *,
    percent: bool = False,
    first_look: int = 0,
) -> None:
    """Bars side by side over their level, as many series as there are names.

    Each bar is placed by the number of its own level: the study drew the test
    bars in the order of the training bars, over the wrong labels.
    """
    width = 0.84 / len(series)
    places = np.arange(len(levels))
    for index, (name, values) in enumerate(series.items()):
        bars = ax.bar(
            places + (index - (len(series) - 1) / 2) * width,
            values,
            width,
            label=name,
            color=OKABE_ITO[first_look + index],
            hatch=HATCHES[first_look + index],
            edgecolor="white",
        )
        labels = [f"{100 * value:.0f}" if percent else f"{value:,.0f}" for value in values]
        ax.bar_label(bars, labels=labels, padding=1, fontsize=8)
    ax.set_xticks(places, levels)
    ax.set_xlabel("CEFR level")
    ax.margins(y=0.12)
    if percent:
        in_percent(ax)


def in_percent(ax: Axes) -> None:
    """Write shares on the upright axis as percentages."""
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def points(
    ax: Axes,
    places: Sequence[float],
    values: Sequence[float],
    bounds: tuple[Sequence[float], Sequence[float]],
    *,
    look: int = 0,
    upright: bool = True,
    **options: object,
) -> None:
    """A point for each value, on a stroke from its lower to its upper bound.

    ``look`` numbers the colour and the marker; the options are those of `Axes.plot`.
    """
    options = {"color": OKABE_ITO[look % 7], "marker": MARKERS[look % 7], "ms": 5, "ls": ""} | (
        options
    )
    strokes = ax.vlines if upright else ax.hlines
    strokes(places, *bounds, color=options["color"], lw=1.5)
    ax.plot(*((places, values) if upright else (values, places)), **options)


def heat_map(
    ax: Axes,
    values: np.ndarray,
    texts: np.ndarray,
    names: tuple[Sequence[str], Sequence[str]],
    *,
    most: float = 1.0,
    **options: object,
) -> AxesImage:
    """A matrix of values from 0 to ``most`` in colours, with a text in each cell.

    Values and texts are (n_rows, n_columns), ``names`` those of the rows and of the columns; the
    options are those of `Axes.imshow`.
    """
    image = ax.imshow(values, cmap="cividis", vmin=0, vmax=most, **options)
    for (row, column), text in np.ndenumerate(texts):
        # cividis runs from dark to light.
        color = "black" if values[row, column] > most / 2 else "white"
        ax.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
    ax.set_yticks(range(len(names[0])), names[0])
    ax.set_xticks(range(len(names[1])), names[1])
    ax.spines[:].set_visible(False)
    return image


def hertz_axis(ax: Axes, *, n_mels: int, sample_rate: int) -> None:
    """Name some frequencies on an upright axis that runs over mel bands from 0 to n_mels."""
    from librosa import hz_to_mel  # its import takes 2 s: only when needed

    # The centres of the bands are as far apart, in mel, as the first and the last from the ends.
    step = hz_to_mel(sample_rate / 2) / (n_mels + 1)
    named = [one for one in NAMED_HZ if one < sample_rate / 2]
    ax.set_yticks([hz_to_mel(one) / step - 0.5 for one in named], [f"{one:,}" for one in named])
    ax.set_ylabel("frequency of the mel band (Hz)")


def legend_above(figure: Drawing, ax: Axes, *, ncols: int, title: str | None = None) -> None:
    """The legend of one panel above the whole figure."""
    handles, labels = ax.get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))  # what several share is named once
    figure.legend(
        named.values(), named.keys(), loc="outside upper center", ncols=ncols, title=title
    )
