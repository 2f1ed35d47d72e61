"""Speech to text and word times behind one small interface.

`load_engine` returns an object with ``transcribe(signal, *, language)``. Decoding
is greedy at temperature 0 without conditioning on earlier text: the same
signal always gives the same words, and an error does not spread.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np

from spoken_cefr.config import Config
from spoken_cefr.weights import load_whisper

SAMPLE_RATE = 16_000  # Hz, Whisper's only one

# Guards against invented text; the first three values are OpenAI's defaults.
NO_SPEECH_THRESHOLD = 0.6  # a window with a higher probability of "no speech" ...
LOGPROB_THRESHOLD = -1.0  # ... and a mean log probability below this is left out
COMPRESSION_THRESHOLD = 2.4  # text that zips better than this repeats itself
HALLUCINATION_SILENCE_S = 2.0  # improbable words between silences of this length are left out
UNSPACED = ("zh", "ja", "th", "lo", "my", "yue")  # languages that write no spaces between words
MIN_WORD_S = 0.01  # every word gets at least this: a TextGrid has no empty interval


class Word(NamedTuple):
    """A word and its times in seconds from the start of the recording."""

    word: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """What an engine heard in one recording.

    Parameters
    ----------
    words : list of Word
        In order, without overlap, inside the recording, each longer than 0 s.
    avg_logprob : float or None
        Mean log probability of a token, None when nothing was said.
    no_speech_prob : float
        Mean over the text's parts of the probability that nobody speaks.
    remarks : list of str
        What the guards did.
    """

    text: str
    words: list[Word]
    language: str
    engine: str
    model: str
    avg_logprob: float | None
    no_speech_prob: float
    remarks: list[str] = field(default_factory=list)


class Engine(Protocol):
    """What every engine offers."""

    def transcribe(self, signal: np.ndarray, *, language: str) -> Transcript:
        """Transcribe a mono float32 signal at 16 kHz; ``language`` is Whisper's code."""


def load_engine(config: Config) -> Engine:
    """Load the engine and model that the profile names.

    Raises
    ------
    InputError
        If the model is unknown, its files are missing or it cannot be downloaded.
    """
    p = config.processing
    engines = {"faster-whisper": FasterWhisper}
    return engines[p.engine](p.model, compute_type=p.compute_type, n_workers=config.n_jobs)


class FasterWhisper:
    """Whisper through CTranslate2.

    Parameters
    ----------
    model : str
        ``offline-base``, a Whisper size, or a folder in CTranslate2's format.
    compute_type : str
        ``int8``, ``float32`` or ``float16``.
    n_workers : int
        Calls that may run at once from different threads, each on one core.
    """

    name = "faster-whisper"

    def __init__(self, model: str, *, compute_type: str = "int8", n_workers: int = 1) -> None:
        self.model_name = model
        self._model = load_whisper(model, compute_type=compute_type, n_workers=n_workers)

    def transcribe(self, signal: np.ndarray, *, language: str) -> Transcript:
        """See `Engine`; ValueError if the signal is not mono float32."""
        if signal.ndim != 1 or signal.dtype != np.float32:
            raise ValueError(f"need mono float32, got {signal.dtype} of shape {signal.shape}")
        if not _has_speech(signal):
            return self._transcript([], language, ["no speech was detected: empty text"])
        parts, _ = self._model.transcribe(
            signal,
            language=language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            no_speech_threshold=NO_SPEECH_THRESHOLD,
            log_prob_threshold=LOGPROB_THRESHOLD,
            compression_ratio_threshold=COMPRESSION_THRESHOLD,
            hallucination_silence_threshold=HALLUCINATION_SILENCE_S,
        )
        kept, remarks = _without_repetition(list(parts))
        return self._transcript(kept, language, remarks, duration_s=len(signal) / SAMPLE_RATE)

    def _transcript(
        self, parts: list[Any], language: str, remarks: list[str], *, duration_s: float = 0.0
    ) -> Transcript:
        raw = [Word(w.word, w.start, w.end) for part in parts for w in part.words or []]
        joined = raw if language in UNSPACED else join_elisions(raw)
        said = [word for word in joined if any(map(str.isalnum, word.word))]
        words, n_moved = tidy_words(said, duration_s)
        parts = parts if words else []  # nothing but punctuation is nothing
        if n_moved:
            remarks = [*remarks, f"{n_moved} of {len(words)} words were moved to mend their times"]
        n_tokens = [len(part.tokens) for part in parts]
        means = [
            round(float(np.average([getattr(part, name) for part in parts], weights=n_tokens)), 6)
            for name in ("avg_logprob", "no_speech_prob")
            if parts
        ]
        return Transcript(
            text=" ".join(text for part in parts if (text := part.text.strip())),
            words=words,
            language=language,
            engine=self.name,
            model=self.model_name,
            avg_logprob=means[0] if means else None,
            no_speech_prob=means[1] if means else 1.0,
            remarks=remarks,
        )


def _has_speech(signal: np.ndarray) -> bool:
    """Whether Silero's voice detector (packaged with faster-whisper) hears anybody.

    Whisper invents a sentence on noise or silence with high confidence.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    return bool(get_speech_timestamps(signal, VadOptions(min_speech_duration_ms=100)))


def _without_repetition(parts: list[Any]) -> tuple[list[Any], list[str]]:
    """Leave out decoded windows whose text repeats itself (`COMPRESSION_THRESHOLD`)."""
    kept = [part for part in parts if part.compression_ratio <= COMPRESSION_THRESHOLD]
    if len(kept) == len(parts):
        return kept, []
    left_out = Counter(part.seek for part in parts)
    left_out.subtract(part.seek for part in kept)
    n = sum(1 for count in left_out.values() if count)
    return kept, [f"the text of {n} window(s) repeated itself and was left out"]


def join_elisions(words: list[Word]) -> list[Word]:
    """Join what is written together: `` j`` and ``'habite`` become `` j'habite``.

    Whisper's own words begin with a space where a written word begins. Joined,
    the words are those of ``text.split()``.
    """
    joined: list[Word] = []
    for word in words:
        if joined and not word.word[:1].isspace():
            before = joined[-1]
            word = Word(before.word + word.word, before.start_s, word.end_s)
            joined.pop()
        joined.append(word)
    return joined


def tidy_words(words: list[Word], duration_s: float) -> tuple[list[Word], int]:
    """Strip words and put them in order, without overlap, inside 0..duration, none of length 0.

    Whisper's times may overlap by a step of 20 ms, coincide, or pass the end.
    A word keeps its times where it can; else it begins where the one before
    ends, and at the end of the recording words give way backwards.

    Returns
    -------
    words : list of Word
        Times rounded to the microsecond.
    n_moved : int
        How many words were moved by more than that.
    """
    if not words:
        return [], 0
    shortest = min(MIN_WORD_S, duration_s / (2 * len(words)))
    ordered = sorted(words, key=lambda word: word.start_s)
    times: list[list[float]] = []
    floor = 0.0
    for word in ordered:
        start = max(round(float(word.start_s), 6), floor)
        floor = max(round(float(word.end_s), 6), start + shortest)
        times.append([start, floor])
    ceiling = duration_s
    for pair in reversed(times):
        pair[1] = min(pair[1], ceiling)
        pair[0] = ceiling = min(pair[0], pair[1] - shortest)
    tidy = [
        Word(word.word.strip(), max(0.0, round(start, 6)), min(round(end, 6), duration_s))
        for word, (start, end) in zip(ordered, times, strict=True)
    ]
    assert all(a.end_s <= b.start_s for a, b in pairwise(tidy))
    n_moved = sum(
        abs(a.start_s - b.start_s) > 2e-6 or abs(a.end_s - b.end_s) > 2e-6
        for a, b in zip(ordered, tidy, strict=True)
    )
    return tidy, n_moved
