"""What a segment's window and its noise do to a spectrum and over time, in numbers."""

import numpy as np

from spoken_cefr.processing.audio import NOISE_RATIO, add_white_noise, hann

BAND_HZ = 20.0
TONE_HZ = 1000.5  # between two frequencies of a second's spectrum: the cut leaks most there
AWAY_HZ = 500.0
FRAME_S = 0.01
_TINY = np.finfo(np.float64).tiny  # a power that has a logarithm


def versions_of(
    samples: np.ndarray, *, ratio: float = NOISE_RATIO, seed: int = 0
) -> dict[str, np.ndarray]:
    """A segment (n_samples,) as cut, after the Hann window, and the noise alone after that window.

    The noise is added before the window, so that both fade alike.
    """
    cut = samples[None, :]
    noise = add_white_noise(cut, ratio=ratio, seed=seed) - cut
    return {"as cut": samples, "Hann window": hann(cut)[0], "noise alone": hann(noise)[0]}


def tone_like(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """A sine of `TONE_HZ` as long and as loud as the segment (n_samples,)."""
    time_s = np.arange(len(samples)) / sample_rate
    return np.sqrt(2) * samples.std() * np.sin(2 * np.pi * TONE_HZ * time_s)


def band_levels(
    samples: np.ndarray, sample_rate: int, *, beside: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Middles of bands of `BAND_HZ` in Hz, and the power in each in dB of all power.

    A window takes power away; of its share in all power it takes nothing, so that spectra
    compare. With ``beside`` (n_samples,) the power in dB is that of this other signal: so
    noise stands beside the speech to which it is added.
    """
    power, whole = (
        np.abs(np.fft.rfft(np.asarray(one, dtype=np.float64))) ** 2
        for one in (samples, samples if beside is None else beside)
    )
    frequency_hz = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    band = (frequency_hz // BAND_HZ).astype(int)
    share = np.bincount(band, weights=power) / max(whole.sum(), _TINY)
    return (np.arange(share.size) + 0.5) * BAND_HZ, 10 * np.log10(np.maximum(share, _TINY))


def frame_levels(
    samples: np.ndarray, sample_rate: int, *, beside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Middles of frames of `FRAME_S` in s, and the mean power in each in dB of that of ``beside``.

    Both signals are (n_samples,); what does not fill a frame at the end is left out.
    """
    length = round(FRAME_S * sample_rate)
    squares = np.square(np.asarray(samples, dtype=np.float64))
    power = squares[: len(squares) // length * length].reshape(-1, length).mean(axis=1)
    share = power / max(np.square(np.asarray(beside, dtype=np.float64)).mean(), _TINY)
    return (np.arange(share.size) + 0.5) * FRAME_S, 10 * np.log10(np.maximum(share, _TINY))


def tell_window_and_noise(
    samples: np.ndarray, sample_rate: int, *, ratio: float = NOISE_RATIO, seed: int = 0
) -> str:
    """What the spectra of a segment (n_samples,) show, in a paragraph.

    ``ratio`` is the standard deviation of the noise / that of the segment.
    """
    versions = versions_of(samples, ratio=ratio, seed=seed)
    tone = versions_of(tone_like(samples, sample_rate), ratio=ratio, seed=seed)
    speech, noise = versions["Hann window"], versions["noise alone"]
    cut_db, speech_db = (band_levels(one, sample_rate)[1] for one in (samples, speech))
    louder = [
        np.mean(
            at(noise, sample_rate, beside=speech)[1] > at(speech, sample_rate, beside=speech)[1]
        )
        for at in (band_levels, frame_levels)
    ]
    frequency_hz, cut = band_levels(tone["as cut"], sample_rate)
    away = np.abs(frequency_hz - TONE_HZ) > AWAY_HZ
    windowed = band_levels(tone["Hann window"], sample_rate)[1]
    leaked = [10 * np.log10(np.sum(10 ** (one[away] / 10))) for one in (cut, windowed)]
    moved = np.median(np.abs(speech_db - cut_db))
    return (
        f"**What we see.** What lies more than {AWAY_HZ:.0f} Hz from the tone is {-leaked[0]:.0f} "
        f"dB below the tone when it is only cut, {-leaked[1]:.0f} dB after the window. Of speech, "
        f"which fills its spectrum anyway, the window moves a band by {moved:.1f} dB "
        f"(median). The signal-to-noise ratio is {-20 * np.log10(ratio):.0f} dB: the noise is so "
        f"far below the segment, and louder than it in {louder[0]:.0%} of the bands and "
        f"{louder[1]:.0%} of the time."
    )
