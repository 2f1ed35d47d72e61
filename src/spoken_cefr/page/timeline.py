"""The sound, the words and the level along time, as SVG drawings."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spoken_cefr.page.style import ACCENT, BAR, GRID, INK, PAPER

WIDTH = 900  # of the overview; the page scales it
WORDS_PX_PER_S = 130  # about 45 px a word, in two rows
MAX_WORDS_S = 300  # of longer recordings the words are in the transcript only
LEFT, WAVE_HEIGHT, WORDS_HEIGHT, ROW = 34, 80, 44, 24
FOOT = 26


def draw_overview(
    signal: np.ndarray, sample_rate: int, result: Mapping[str, Any], *, label: str
) -> str:
    """Draw the whole recording: its waveform, below it the level along time.

    Parameters
    ----------
    signal : np.ndarray, shape (n_samples,)
    result : mapping
        As `prediction.predict` gives it.
    label : str
        What a screen reader says instead.
    """
    classes, duration_s = result["model"]["classes"], len(signal) / sample_rate
    scale = (WIDTH - LEFT - 50) / duration_s  # 50: the last score's name
    bottom = WAVE_HEIGHT + 24 + ROW * len(classes)
    parts = [
        _waveform(signal, scale * duration_s, top=0),
        *_grid(classes, top=WAVE_HEIGHT + 24),
        *_levels(result["timeline"], scale, bottom=bottom),
        *_clock(duration_s, scale, foot=bottom),
    ]
    size = f'viewBox="0 0 {WIDTH} {bottom + FOOT}" width="100%"'
    return _svg(parts, size, label)


def draw_words(
    signal: np.ndarray, sample_rate: int, words: Sequence[Mapping[str, Any]], *, label: str
) -> str:
    """Draw each word over its sound, wide enough to read; "" for a long recording."""
    duration_s = len(signal) / sample_rate
    if duration_s > MAX_WORDS_S:
        return ""
    width = max(WIDTH - LEFT, duration_s * WORDS_PX_PER_S)
    scale = width / duration_s
    bottom = WORDS_HEIGHT + WAVE_HEIGHT
    parts = [
        *_words(words, scale),
        _waveform(signal, width, top=WORDS_HEIGHT),
        *_clock(duration_s, scale, foot=bottom),
    ]
    return _svg(parts, f'width="{LEFT + width + 20:.0f}" height="{bottom + FOOT}"', label)


def _svg(parts: Sequence[str], size: str, label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{html.escape(label)}" '
        f'{size} font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>{"".join(parts)}</svg>'
    )


def _waveform(signal: np.ndarray, width: float, *, top: float) -> str:
    """The lowest and highest sample of each column, as one filled shape."""
    n = int(min(width, len(signal)))
    stretches = signal[: len(signal) // n * n].reshape(n, -1)
    peak = max(float(np.abs(signal).max()), 1e-3)
    middle = top + WAVE_HEIGHT / 2
    x = LEFT + (np.arange(n) + 0.5) * width / n
    high = middle - stretches.max(axis=1) / peak * WAVE_HEIGHT / 2
    low = middle - stretches.min(axis=1) / peak * WAVE_HEIGHT / 2
    there = [f"{a:.1f},{b:.1f}" for a, b in zip(x, high, strict=True)]
    back = [f"{a:.1f},{b:.1f}" for a, b in zip(x[::-1], low[::-1], strict=True)]
    return f'<polygon points="{" ".join(there + back)}" fill="{BAR}"/>'


def _words(words: Sequence[Mapping[str, Any]], scale: float) -> list[str]:
    drawn = []
    for index, word in enumerate(words):
        x = LEFT + (word["start_s"] + word["end_s"]) / 2 * scale
        y = (16, 34)[index % 2]  # two rows: neighbours would touch
        drawn.append(
            f'<text x="{x:.1f}" y="{y}" text-anchor="middle" fill="{INK}">'
            f"{html.escape(word['word'])}</text>"
        )
    return drawn


def _grid(classes: Sequence[str], *, top: float) -> list[str]:
    lines = []
    for index, name in enumerate(reversed(classes)):
        y = top + index * ROW
        lines.append(
            f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y}" y2="{y}" stroke="{GRID}" stroke-width="0.5"/>'
            f'<text x="4" y="{y + ROW / 2 + 4}" fill="{INK}">{html.escape(name)}</text>'
        )
    return lines


def _levels(timeline: Sequence[Mapping[str, Any]], scale: float, *, bottom: float) -> list[str]:
    """A point at the middle of each part, at the height of its score."""
    points = [
        (LEFT + (part["start_s"] + part["end_s"]) / 2 * scale, bottom - (part["score"] - 1) * ROW)
        for part in timeline
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    drawn = [f'<polyline points="{path}" fill="none" stroke="{ACCENT}" stroke-width="2"/>']
    last_x = -np.inf
    for (x, y), part in zip(points, timeline, strict=True):
        drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{ACCENT}"/>')
        if x - last_x > 40:  # names of neighbours would overlap
            name = html.escape(part["score_name"])
            drawn.append(f'<text x="{x + 7:.1f}" y="{y - 5:.1f}" fill="{ACCENT}">{name}</text>')
            last_x = x
    return drawn


def _clock(duration_s: float, scale: float, *, foot: float) -> list[str]:
    steps = (1, 2, 5, 10, 30, 60, 120, 300)
    step = next((s for s in steps if s * scale >= 80), steps[-1])
    return [
        f'<text x="{LEFT + second * scale:.1f}" y="{foot + 18}" text-anchor="middle" '
        f'fill="{INK}">{second // 60}:{second % 60:02d}</text>'
        for second in range(0, int(duration_s) + 1, step)
    ]
