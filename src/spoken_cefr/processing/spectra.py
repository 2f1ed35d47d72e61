"""What a segment's window and its noise do to a spectrum, in numbers."""

import numpy as np

from spoken_cefr.processing.audio import NOISE_RATIO, add_white_noise, hann

BAND_HZ = 20.0
TONE_HZ = 1000.5  # between two frequencies of a second's spectrum: the cut leaks most there
AWAY_HZ = 500.0


def versions_of(
    samples: np.ndarray, *, ratio: float = NOISE_RATIO, seed: int = 0
) -> dict[str, np.ndarray]:
    """A segment (n_samples,) as cut, after the Hann window, and with noise before that window."""
    cut = samples[None, :]
    noisy = add_white_noise(cut, ratio=ratio, seed=seed)
    return {"as cut": samples, "Hann window": hann(cut)[0], "noise, then window": hann(noisy)[0]}


def tone_like(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """A sine of `TONE_HZ` as long and as loud as the segment (n_samples,)."""
    time_s = np.arange(len(samples)) / sample_rate
    return np.sqrt(2) * samples.std() * np.sin(2 * np.pi * TONE_HZ * time_s)


def band_levels(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Middles of bands of `BAND_HZ` in Hz, and the power in each in dB of all power.

    A window takes power away; of its share in all power it takes nothing, so that spectra
    compare.
    """
    power = np.abs(np.fft.rfft(np.asarray(samples, dtype=np.float64))) ** 2
    frequency_hz = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    band = (frequency_hz // BAND_HZ).astype(int)
    share = np.bincount(band, weights=power) / max(power.sum(), np.finfo(float).tiny)
    level_db = 10 * np.log10(np.maximum(share, np.finfo(float).tiny))
    return (np.arange(share.size) + 0.5) * BAND_HZ, level_db


def tell_window_and_noise(
    samples: np.ndarray, sample_rate: int, *, ratio: float = NOISE_RATIO, seed: int = 0
) -> str:
    """What the spectra of a segment show, in a paragraph.

    Parameters
    ----------
    samples : np.ndarray, shape (n_samples,)
    ratio : float > 0
        Standard deviation of the noise / that of the segment.
    """
    versions = versions_of(samples, ratio=ratio, seed=seed)
    tone = versions_of(tone_like(samples, sample_rate), ratio=ratio, seed=seed)
    levels = {name: band_levels(one, sample_rate)[1] for name, one in versions.items()}
    frequency_hz, cut = band_levels(tone["as cut"], sample_rate)
    away = np.abs(frequency_hz - TONE_HZ) > AWAY_HZ
    windowed = band_levels(tone["Hann window"], sample_rate)[1]
    leaked = [10 * np.log10(np.sum(10 ** (one[away] / 10))) for one in (cut, windowed)]
    moved = np.median(np.abs(levels["Hann window"] - levels["as cut"]))
    raised = levels["noise, then window"] - levels["Hann window"] > 3
    return (
        f"**What we see.** Of the tone, {leaked[0]:.0f} dB of its power lie more than "
        f"{AWAY_HZ:.0f} Hz away when it is only cut, and {leaked[1]:.0f} dB after the window. Of "
        f"speech, which fills its spectrum anyway, the window moves a band by {moved:.1f} dB "
        f"(median). The noise is {-20 * np.log10(ratio):.0f} dB below the segment; it is heard "
        f"where speech is weaker still: {raised.mean():.0%} of the bands rise by more than 3 dB."
    )
