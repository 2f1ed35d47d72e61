"""One recording's journey through the audio chain."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spoken_cefr.figures.parts import GREY, hertz_axis, legend_above
from spoken_cefr.figures.style import OKABE_ITO, Drawing, in_style
from spoken_cefr.processing.audio import N_MELS, NOISE_RATIO, add_white_noise, log_mel, to_image
from spoken_cefr.processing.spectra import (
    BAND_HZ,
    FRAME_S,
    TONE_HZ,
    band_levels,
    frame_levels,
    tone_like,
    versions_of,
)

BLUE, ORANGE, GREEN = OKABE_ITO[:3]
# In grey, and for the colour-blind, the noise is the thick dashed one.
_LOOKS = {
    "as cut": {"color": BLUE, "lw": 1},
    "Hann window": {"color": ORANGE, "lw": 1},
    "noise alone": {"color": "black", "lw": 1.6, "ls": "--"},
}
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
            top * (1.1, 1.3, 1.5)[index % 3],  # three rows: short words would overlap
            word.word,
            ha="center",
            fontsize=8,
        )
    axes.set(
        xlabel="time (s)",
        ylabel="amplitude (of full scale)",
        title=title,
        xlim=(0, len(signal) / sample_rate),
        ylim=(-1.1 * top, (1.1 if words is None else 1.75) * top),
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
    # Of a word that the end cuts, the name would not fit.
    met = words[(words["end_s"] > start_s) & (words["end_s"] <= end_s)].copy()
    met[["start_s", "end_s"]] = met[["start_s", "end_s"]].clip(start_s, end_s) - start_s
    return plot_waveform(
        part, sample_rate, words=met, title=f"words from {start_s:g} s to {end_s:g} s"
    )


@in_style
def plot_segment(
    samples: np.ndarray, sample_rate: int, *, ratio: float = NOISE_RATIO, seed: int = 0
) -> Drawing:
    """Draw one segment as cut, after the Hann window, and the noise that training adds to it.

    On the left over time, on the right as spectra. In the middle stands a tone as long and as
    loud: its ends jump where it is cut, which spreads power over all frequencies, and that is
    plain to see. All is in dB of the segment's power, so that the noise stands as far below the
    speech as its signal-to-noise ratio says.

    Parameters
    ----------
    samples : np.ndarray, shape (n_samples,)
    """
    figure = Drawing(width_in=10, height_in=3.8)
    over_time, of_tone, of_speech = figure.subplots(1, 3)
    versions = versions_of(samples, ratio=ratio, seed=seed)
    tone = versions_of(tone_like(samples, sample_rate), ratio=ratio, seed=seed)
    for name, signal in versions.items():
        time_s, level_db = frame_levels(signal, sample_rate, beside=samples)
        over_time.plot(time_s, level_db, label=name, **_LOOKS[name])
    over_time.set(xlabel="time (s)", title="the segment over time", ylim=(-90, 15))
    over_time.set_ylabel(f"power in {1000 * FRAME_S:g} ms (dB of the segment's)")
    titles = f"spectrum of a tone of {TONE_HZ:g} Hz", "spectrum of the segment"
    for ax, signals, title in zip((of_tone, of_speech), (tone, versions), titles, strict=True):
        for name, signal in signals.items():
            beside = signals["Hann window"] if name == "noise alone" else None
            frequency_hz, level_db = band_levels(signal, sample_rate, beside=beside)
            ax.plot(frequency_hz / 1000, level_db, **_LOOKS[name])
        ax.set(xlabel="frequency (kHz)", ylim=(-125 if signals is tone else -95, 3), title=title)
        ax.set_ylabel(f"power in {BAND_HZ:g} Hz (dB of all power)")
    for ax in (over_time, of_tone, of_speech):
        ax.grid(axis="y", lw=0.4)
    snr_db = -20 * np.log10(ratio) if ratio else np.inf
    legend_above(figure, over_time, ncols=3, title=f"signal-to-noise ratio {snr_db:.0f} dB")
    return figure


@in_style
def plot_log_mel(
    samples: np.ndarray,
    sample_rate: int,
    *,
    size: int = 50,
    ratio: float = NOISE_RATIO,
    seed: int = 0,
    n_mels: int = N_MELS,
    **options: object,
) -> Drawing:
    """Draw one segment's log-mel spectrogram, the same with noise, and the image that a CNN sees.

    The options are those of `add_white_noise` and `log_mel`.
    """
    both = np.stack([samples, add_white_noise(samples[None], ratio=ratio, seed=seed)[0]])
    mel = log_mel(both, sample_rate, n_mels=n_mels, **options)
    figure = Drawing(width_in=10, height_in=3.4)
    *pair, right = figure.subplots(1, 3)
    length_s = len(samples) / sample_rate
    look = {"cmap": "cividis", "vmin": -80, "vmax": 0, "origin": "lower", "aspect": "auto"}
    for ax, rows, title in zip(pair, mel, ("log-mel spectrogram", "with noise"), strict=True):
        picture = ax.imshow(rows, extent=(0, length_s, 0, n_mels), **look)
        ax.set(xlabel="time (s)", title=title)
        hertz_axis(ax, n_mels=n_mels, sample_rate=sample_rate)
    pair[1].set(ylabel="", yticklabels=[])
    figure.colorbar(picture, ax=pair, label="level (dB of the segment's peak)")
    right.imshow(to_image(mel[:1], size)[0], cmap="gray", vmin=0, vmax=1)
    right.set(xlabel="time (pixel)", ylabel="mel band (pixel)", title=f"image of {size} x {size}")
    return figure


def _draw_envelope(axes: Axes, signal: np.ndarray, sample_rate: int) -> None:
    """Draw a signal; a long one as the lowest and highest sample of each short stretch."""
    step = max(1, 2 * len(signal) // _MAX_POINTS)
    if step == 1:
        axes.plot(np.arange(len(signal)) / sample_rate, signal, color=BLUE, lw=0.6)
    else:
        stretches = signal[: len(signal) // step * step].reshape(-1, step)
        time_s = np.arange(len(stretches)) * step / sample_rate
        axes.fill_between(time_s, stretches.min(axis=1), stretches.max(axis=1), color=BLUE, lw=0.3)
    axes.axhline(0, color=GREY, lw=0.4)
