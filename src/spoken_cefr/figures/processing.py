"""One recording's journey through the audio chain."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spoken_cefr.figures.parts import GREY, legend_above
from spoken_cefr.figures.style import OKABE_ITO, Drawing, in_style
from spoken_cefr.processing.audio import (
    HOP_LENGTH,
    N_FFT,
    N_MELS,
    NOISE_RATIO,
    log_mel,
    to_image,
)
from spoken_cefr.processing.spectra import (
    BAND_HZ,
    TONE_HZ,
    band_levels,
    tone_like,
    versions_of,
)

BLUE, ORANGE, GREEN = OKABE_ITO[:3]
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
    """Draw one segment as cut, with Hann window and with noise, and what that does to spectra.

    A tone stands beside it, since leakage is plain there: its ends jump where it is cut, which
    spreads power over all frequencies. Each spectrum is in dB of its own power.

    Parameters
    ----------
    samples : np.ndarray, shape (n_samples,)
    """
    figure = Drawing(width_in=10, height_in=3.6)
    first, *others = figure.subplots(1, 3)
    versions = versions_of(samples, ratio=ratio, seed=seed)
    looks = dict(zip(versions, (BLUE, ORANGE, GREEN), strict=True))
    noise = versions["noise, then window"] - versions["Hann window"]
    for name, signal in (("as cut", samples), ("Hann window", versions["Hann window"])):
        _draw_envelope(first, signal, sample_rate, color=looks[name])
    _draw_envelope(first, noise, sample_rate, color=GREEN)
    first.set(xlabel="time (s)", ylabel="amplitude (of full scale)", title="the segment")
    tone = versions_of(tone_like(samples, sample_rate), ratio=ratio, seed=seed)
    titles = f"a tone of {TONE_HZ:g} Hz", "the segment"
    for ax, signals, title in zip(others, (tone, versions), titles, strict=True):
        for name, signal in signals.items():
            frequency_hz, level_db = band_levels(signal, sample_rate)
            ax.plot(frequency_hz / 1000, level_db, color=looks[name], lw=1, label=name)
        # Beyond, a file holds what its coding left: nothing of the speaker.
        low = -125 if signals is tone else np.percentile(level_db, 1) - 20
        ax.set(xlabel="frequency (kHz)", ylim=(low, 3), title=title)
        ax.set_ylabel(f"power in {BAND_HZ:g} Hz (dB of all power)")
        ax.grid(axis="y", lw=0.4)
    snr_db = -20 * np.log10(ratio) if ratio else np.inf
    title = f"noise {snr_db:.0f} dB below the segment (signal-to-noise ratio)"
    legend_above(figure, others[1], ncols=3, title=title)
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
