"""One recording's journey through the audio chain."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spoken_cefr.figures.parts import GREY
from spoken_cefr.figures.style import OKABE_ITO, Drawing, in_style
from spoken_cefr.processing.audio import (
    HOP_LENGTH,
    N_FFT,
    N_MELS,
    NOISE_RATIO,
    add_white_noise,
    hann,
    log_mel,
    to_image,
)

BLUE, ORANGE, GREEN = OKABE_ITO[:3]
_FLOOR_DB = -120.0
_MAX_POINTS = 4000  # drawn of a waveform; more cannot be seen and makes the notebook heavy


@in_style
def plot_waveform(
    signal: np.ndarray, sample_rate: int, *, words: pd.DataFrame | None = None, title: str = ""
) -> Drawing:
    """Draw a waveform, and over it each word between its start and its end.

    Parameters
    ----------
    signal : np.ndarray, shape (n_samples,)
        Usually a part of a recording: more than 10 s of words cannot be read.
    words : pd.DataFrame, optional
        Columns word, start_s, end_s, in seconds from the signal's first sample.
    """
    figure = Drawing(width_in=10, height_in=2.6)
    axes = figure.subplots()
    _draw_envelope(axes, signal, sample_rate)
    top = float(np.abs(signal).max(initial=1e-3))
    for index, word in enumerate([] if words is None else words.itertuples()):
        axes.axvspan(word.start_s, word.end_s, color=(ORANGE, GREEN)[index % 2], alpha=0.25, lw=0)
        axes.text(
            (word.start_s + word.end_s) / 2,
            top * (1.1, 1.3)[index % 2],  # two rows: short words would overlap
            word.word,
            ha="center",
            fontsize=8,
        )
    axes.set(
        xlabel="time (s)",
        ylabel="amplitude (of full scale)",
        title=title,
        xlim=(0, len(signal) / sample_rate),
        ylim=(-1.1 * top, (1.1 if words is None else 1.55) * top),
    )
    return figure


def plot_words(
    signal: np.ndarray,
    sample_rate: int,
    words: pd.DataFrame,
    *,
    start_s: float = 0.0,
    end_s: float = 8.0,
) -> Drawing:
    """Draw the aligned words over a part of a recording's waveform."""
    part = signal[round(start_s * sample_rate) : round(end_s * sample_rate)]
    met = words[(words["end_s"] > start_s) & (words["start_s"] < end_s)].copy()
    met[["start_s", "end_s"]] = met[["start_s", "end_s"]].clip(start_s, end_s) - start_s
    return plot_waveform(
        part, sample_rate, words=met, title=f"words from {start_s:g} s to {end_s:g} s"
    )


@in_style
def plot_segment(
    samples: np.ndarray, sample_rate: int, *, ratio: float = NOISE_RATIO, seed: int = 0
) -> Drawing:
    """Draw one segment as cut, with Hann window and with noise, and their spectra.

    The spectrum of the segment as cut shows leakage: its ends jump, which
    spreads energy over all frequencies; the window takes that away.

    Parameters
    ----------
    samples : np.ndarray, shape (n_samples,)
    """
    cut = samples[None, :]
    versions = {
        "as cut": cut,
        "with Hann window": hann(cut),
        "with noise, then window": hann(add_white_noise(cut, ratio=ratio, seed=seed)),
    }
    figure = Drawing(width_in=10, height_in=4.6)
    grid = figure.subplots(2, 3, sharey="row")
    reference = np.abs(np.fft.rfft(cut[0])).max()
    frequency_khz = np.fft.rfftfreq(len(samples), 1 / sample_rate) / 1000
    for (name, version), (above, below), color in zip(
        versions.items(), grid.T, (BLUE, GREEN, ORANGE), strict=True
    ):
        _draw_envelope(above, version[0], sample_rate, color=color)
        above.set(title=name, xlabel="time (s)")
        spectrum = np.abs(np.fft.rfft(version[0])) / max(reference, 1e-12)
        level_db = 20 * np.log10(np.maximum(spectrum, 10 ** (_FLOOR_DB / 20)))
        below.plot(frequency_khz, level_db, color=color, lw=0.5)
        below.set(xlabel="frequency (kHz)", ylim=(_FLOOR_DB, 5))
    grid[0, 0].set_ylabel("amplitude (of full scale)")
    grid[1, 0].set_ylabel("level (dB of the cut's peak)")
    return figure


@in_style
def plot_log_mel(
    samples: np.ndarray,
    sample_rate: int,
    *,
    size: int = 50,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    n_mels: int = N_MELS,
    segment_window: bool = True,
) -> Drawing:
    """Draw one segment's log-mel spectrogram and the grey image that the CNN sees.

    The options are those of `log_mel`: what is drawn is what the profile's stage writes.
    """
    mel = log_mel(
        samples[None, :],
        sample_rate,
        n_fft=n_fft,
        hop_length=hop_length,
        n_mels=n_mels,
        segment_window=segment_window,
    )
    figure = Drawing(width_in=9, height_in=3.4)
    left, right = figure.subplots(1, 2)
    picture = left.imshow(
        mel[0],
        origin="lower",
        aspect="auto",
        cmap="cividis",
        vmin=-80,
        vmax=0,
        extent=(0, len(samples) / sample_rate, 0, mel.shape[1]),
    )
    left.set(xlabel="time (s)", ylabel="mel band (low to high)", title="log-mel spectrogram")
    figure.colorbar(picture, ax=left, label="level (dB of the segment's peak)")
    right.imshow(to_image(mel, size)[0], cmap="gray", vmin=0, vmax=1)
    right.set(xlabel="pixel", ylabel="pixel", title=f"image of {size} x {size}")
    return figure


def _draw_envelope(axes: Axes, signal: np.ndarray, sample_rate: int, *, color: str = BLUE) -> None:
    """Draw a signal; a long one as the lowest and highest sample of each short stretch."""
    step = max(1, 2 * len(signal) // _MAX_POINTS)
    if step == 1:
        axes.plot(np.arange(len(signal)) / sample_rate, signal, color=color, lw=0.6)
    else:
        stretches = signal[: len(signal) // step * step].reshape(-1, step)
        time_s = np.arange(len(stretches)) * step / sample_rate
        axes.fill_between(time_s, stretches.min(axis=1), stretches.max(axis=1), color=color, lw=0.3)
    axes.axhline(0, color=GREY, lw=0.4)
