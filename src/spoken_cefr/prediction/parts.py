"""Which parts of a recording count: not its edges if so asked, nor what it says a second time."""

from collections.abc import Sequence

import numpy as np
import soxr
from scipy.fft import irfft, next_fast_len, rfft

from spoken_cefr.errors import InputError
from spoken_cefr.processing.decoding import SAMPLE_RATE

Stretch = tuple[float, float]  # start and end in seconds

MIN_REPEAT_S = 8.0  # shorter ones are a jingle, or chance
RATE_HZ = 4000  # of what is compared: speech has most of its energy below 2 kHz
MIN_ECHO = 0.05  # of the energy of the whole: so much of it comes again at one distance
MIN_ALIKE = 0.5  # correlation of a second with the one it repeats; that of other speech is 0.1
MAX_PLAYS = 4


def take_out(left_out: Sequence[Stretch], duration_s: float) -> list[Stretch]:
    """What is left of a recording, in order; stretches may overlap."""
    kept, now_s = [], 0.0
    for start_s, end_s in [*sorted(left_out), (duration_s, duration_s)]:
        if start_s > now_s:
            kept.append((now_s, min(start_s, duration_s)))
        now_s = max(now_s, end_s)
    return [(start_s, end_s) for start_s, end_s in kept if end_s > start_s]


def cut(signal: np.ndarray, kept: Sequence[Stretch], sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """The kept stretches of a signal, one behind the other; the signal itself where all is kept."""
    places = [(round(a * sample_rate), round(b * sample_rate)) for a, b in kept]
    if len(places) == 1 and places[0][0] == 0 and places[0][1] >= len(signal):
        return signal
    return np.concatenate([signal[a:b] for a, b in places] or [signal[:0]])


def time_in_recording(heard_s: float, kept: Sequence[Stretch], *, is_end: bool = False) -> float:
    """A time in what `cut` gives as a time in the recording; at a border the end of what ends."""
    for start_s, end_s in kept:
        if heard_s < end_s - start_s or (is_end and heard_s <= end_s - start_s):
            return start_s + heard_s
        heard_s -= end_s - start_s
    return kept[-1][1] + max(0.0, heard_s)


def edges(from_s: float | None, to_s: float | None, duration_s: float) -> list[Stretch]:
    """What stands before and after the part that was asked for; InputError if none is left."""
    start_s, end_s = from_s or 0.0, duration_s if to_s is None else min(to_s, duration_s)
    if not 0 <= start_s < end_s:
        raise InputError(
            f"nothing is left from {start_s:g} s to {end_s:g} s of {duration_s:.1f} s: give other "
            "times with --from and --to"
        )
    return [pair for pair in ((0.0, start_s), (end_s, duration_s)) if pair[1] > pair[0]]


def find_repeats(signal: np.ndarray) -> list[Stretch]:
    """Where a recording (n_samples,), at 16 kHz, plays again what it has played before.

    Exam papers do so.
    """
    small = soxr.resample(signal, SAMPLE_RATE, RATE_HZ, quality="HQ")
    small = np.diff(small, prepend=small[:1])  # without it a hum outweighs the voice
    found: list[Stretch] = []
    for _ in range(MAX_PLAYS - 1):
        again = _one_repeat(small)
        if again is None:
            break
        found.append(again)
        small[round(again[0] * RATE_HZ) : round(again[1] * RATE_HZ)] = 0.0
    return sorted(found)


def _one_repeat(signal: np.ndarray) -> Stretch | None:
    """The later of two stretches that are the same sound; at the strongest distance."""
    n_lags = len(signal) - round(MIN_REPEAT_S * RATE_HZ)
    energy = float(np.square(signal, dtype=np.float64).sum())
    if n_lags <= round(MIN_REPEAT_S * RATE_HZ) or energy == 0:
        return None
    size = next_fast_len(2 * len(signal), real=True)
    echo = irfft(np.square(np.abs(rfft(signal, size))), size)[:n_lags]
    echo[: round(MIN_REPEAT_S * RATE_HZ)] = 0.0  # nearer than that nothing whole is repeated
    lag = int(np.argmax(echo))
    if echo[lag] < MIN_ECHO * energy:
        return None
    alike = _alike(signal[:-lag], signal[lag:])
    # The longest run of seconds that are alike; a second of silence does not end it.
    best, start, last = (0, 0), None, 0
    for second, likeness in enumerate(alike):
        if likeness < MIN_ALIKE:  # NaN, of silence, is not below
            start = None
            continue
        if likeness >= MIN_ALIKE:
            start, last = second if start is None else start, second + 1
            best = max(best, (last - start, start))
    if best[0] < MIN_REPEAT_S:
        return None
    start_s = lag / RATE_HZ + best[1]
    return start_s, min(start_s + best[0], len(signal) / RATE_HZ)


def _alike(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Correlation of each second of two signals; NaN where both are (nearly) silent."""
    n = min(len(before), len(after)) // RATE_HZ
    a = before[: n * RATE_HZ].reshape(n, RATE_HZ).astype(np.float64)
    b = after[: n * RATE_HZ].reshape(n, RATE_HZ).astype(np.float64)
    power = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    quiet = power < 1e-3 * power.max(initial=0.0)
    return np.where(quiet, np.nan, (a * b).sum(axis=1) / np.where(quiet, 1.0, power))
