"""How our figures look, how they are shown, and how they are saved.

Figures are made without pyplot: nothing stays open, nothing global changes.
"""

import functools
import io
import logging
import re
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from PIL import Image

from spoken_cefr.store import replacing

DPI = 150
NOTEBOOK_DPI = 100  # notebooks are in git

# Okabe and Ito (2008), "Color Universal Design": told apart by the colour-blind.
OKABE_ITO: tuple[str, ...] = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#56B4E9",  # sky blue
    "#D55E00",  # vermilion
    "#000000",  # black
)
# With these, bars differ in grey too.
HATCHES: tuple[str, ...] = ("", "//", "..", "xx", "--", "++", "oo")

# The first comes with matplotlib, the same on every machine, and has Latin, Cyrillic, Arabic and
# Hebrew letters; one of the others, where it is installed, shows Chinese characters only.
CHINESE_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "PingFang SC")
_INSTALLED = {font.name for font in fontManager.ttflist}
FAMILIES = ["DejaVu Sans", *[name for name in CHINESE_FONTS if name in _INSTALLED][:1]]

STYLE: dict[str, Any] = {
    "font.family": FAMILIES,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "xtick.labelsize": 10,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "spoken_cefr",  # else names inside an SVG differ from run to run
}

# About so many characters of the footnote fit into one inch.
NOTICE_CHARACTERS_PER_INCH = 16


class Drawing(Figure):
    """A figure that a notebook shows when it is the last expression of a cell."""

    def __init__(self, *, width_in: float, height_in: float) -> None:
        super().__init__(figsize=(width_in, height_in), dpi=DPI, layout="constrained")

    def _repr_png_(self) -> bytes:
        return png_bytes(self, dpi=NOTEBOOK_DPI)


# A figure still to be drawn: a `functools.partial` of one of our functions, which is plain data
# until it is called, or a figure that is drawn already.
Sketch = Drawing | Callable[[], Drawing]


def in_style(draw: Callable[..., Drawing]) -> Callable[..., Drawing]:
    """Draw with our style whatever the user's matplotlibrc says."""

    @functools.wraps(draw)
    def styled(*args: Any, **options: Any) -> Drawing:
        with mpl.rc_context(STYLE):
            return draw(*args, **options)

    return styled


def with_notice(figure: Drawing, notice: str) -> Drawing:
    """Print a notice as a footnote on the figure (none if it is empty); return the figure."""
    if notice:
        width = int(figure.get_figwidth() * NOTICE_CHARACTERS_PER_INCH)
        text = "\n".join(textwrap.wrap(notice, width))
        # The layout keeps room for it, and a second call replaces it.
        figure.supxlabel(text, fontsize=7.5, style="italic", color="#333333")
    return figure


def png_bytes(figure: Drawing, *, dpi: int = DPI) -> bytes:
    """The figure as PNG, the same bytes every time: no date, no version inside.

    Its 256 colours of a palette look the same and need a third of the bytes: notebooks are in git.
    """
    buffer = io.BytesIO()
    figure.set_dpi(dpi)
    with mpl.rc_context(STYLE):
        # savefig would draw twice: once to lay the figure out, once for the pixels.
        canvas = FigureCanvasAgg(figure)
        with warnings.catch_warnings(record=True) as told:
            warnings.filterwarnings("always", r"Glyph \d+", UserWarning)
            canvas.draw()
    _tell_of_boxes(told)
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    # Few colours are kept as they are; only of many are the nearest ones taken.
    palette = pixels.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _tell_of_boxes(told: list[warnings.WarningMessage]) -> None:
    """One sentence in place of a warning for each character that no font has; others stay."""
    missing = set()
    for one in told:
        found = re.match(r"Glyph (\d+)", str(one.message))
        if found:
            missing.add(chr(int(found[1])))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if missing:
        logging.getLogger(__name__).warning(
            f"a figure shows boxes for {''.join(sorted(missing))[:10]}: no font here has these "
            "characters; install one that has (Debian: apt install fonts-noto-cjk for Chinese)"
        )


def svg_bytes(figure: Drawing) -> bytes:
    """The figure as lines and letters' outlines, sharp in print, the same bytes every time."""
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def save_figure(sketch: Sketch, path: Path, *, notice: str) -> None:
    """Write a figure with the notice as a footnote, as SVG or PNG by its name, all or nothing."""
    figure = with_notice(sketch if isinstance(sketch, Drawing) else sketch(), notice)
    image = svg_bytes(figure) if path.suffix == ".svg" else png_bytes(figure)
    with replacing(path) as temporary:
        temporary.write_bytes(image)
