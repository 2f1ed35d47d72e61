"""Speech to text and word times behind one small interface.

`load_engine` returns an object with ``transcribe(signal, *, language)``, and
``transcribe_many`` and ``transcribe_each`` of several signals. Decoding is
greedy at temperature 0 without conditioning on earlier text: the same signal
always gives the same words, and an error does not spread.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from spoken_cefr.config import Config
from spoken_cefr.processing.decoding import SAMPLE_RATE
from spoken_cefr.processing.transcription.batching import map_joined
from spoken_cefr.processing.transcription.voice import (
    TURN_S,
    Stretch,
    cut_to_voice,
    edge_sounds,
    find_voice,
    heard_span,
    joined,
    unheard,
)
from spoken_cefr.processing.transcription.words import (
    COMPRESSION_THRESHOLD,
    UNSPACED,
    Word,
    join_elisions,
    plain_text,
    tidy_words,
    without_repetition,
)
from spoken_cefr.processing.weights.packaged import load_whisper

WINDOW_S = 30.0  # what Whisper takes at once
BATCH_SIZE = 8  # windows decoded together; see benchmarks/transcription.py

# Guards against invented text; the first two values are OpenAI's defaults.
NO_SPEECH_THRESHOLD = 0.6  # a window with a higher probability of "no speech" ...
LOGPROB_THRESHOLD = -1.0  # ... and a mean log probability below this is left out
MIN_LANGUAGE = 0.01  # less probable languages are not kept
NO_SPEECH = "no speech was detected: empty text"  # the remark where nobody speaks
HALLUCINATION_SILENCE_S = 2.0  # improbable words between silences of this length are left out

# What both engines are told, by the names that both know.
DECODING = {
    "temperature": 0.0,
    "condition_on_previous_text": False,
    "word_timestamps": True,
    "no_speech_threshold": NO_SPEECH_THRESHOLD,
    "compression_ratio_threshold": COMPRESSION_THRESHOLD,
}


Told = Callable[[int, float], None]  # index of a signal, and the time (s) up to which it is heard


def tell_nobody(index: int, time_s: float) -> None:
    """For who does not want to know how far an engine is."""


# The segments that a model hears, and for each window how probable each language is.
Heard = tuple[list[Any], list[dict[str, float]]]


@dataclass(frozen=True)
class Transcript:
    """What an engine heard in one recording.

    Words are in order, without overlap, inside the recording, each longer than 0 s. ``avg_logprob``
    is the mean log probability of a token, None when nothing was said; ``no_speech_prob`` the mean
    over the text's parts; ``remarks`` what the guards did; ``languages`` says of each window of
    30 s how probable each language is (from 0.01 on), where the engine tells.
    """

    text: str
    words: list[Word]
    language: str
    engine: str
    model: str
    avg_logprob: float | None
    no_speech_prob: float
    remarks: list[str] = field(default_factory=list)
    languages: list[dict[str, float]] = field(default_factory=list)


class Engine(ABC):
    """What every engine offers: transcripts of mono float32 signals at 16 kHz.

    ``language`` is Whisper's code. ValueError if a signal is of another shape or type.
    """

    name: str
    model_name: str
    at_once = 1  # recordings that are best given together to `transcribe_many`

    def transcribe(self, signal: np.ndarray, *, language: str) -> Transcript:
        """What is said in a signal."""
        return self._guarded(signal, language, self._listen)

    def transcribe_many(self, signals: Sequence[np.ndarray], *, language: str) -> list[Transcript]:
        """`transcribe` of each signal, to the last bit, in less time where that can be."""
        done = dict(self.transcribe_each(signals, language=language))
        return [done[index] for index in range(len(signals))]

    def transcribe_each(
        self, signals: Sequence[np.ndarray], *, language: str, told: Told = tell_nobody
    ) -> Iterator[tuple[int, Transcript]]:
        """`transcribe_many` as it goes: index and transcript of each signal when it is done.

        An engine that can calls ``told`` in between, from the thread that listens.
        """
        for index, signal in enumerate(signals):
            yield index, self.transcribe(signal, language=language)

    @abstractmethod
    def _listen(self, signal: np.ndarray, language: str) -> Heard:
        """What the model alone hears."""

    def _guarded(
        self, signal: np.ndarray, language: str, listen: Callable[[np.ndarray, str], Heard]
    ) -> Transcript:
        """What is heard where somebody speaks, behind the guards."""
        if signal.ndim != 1 or signal.dtype != np.float32:
            raise ValueError(f"need mono float32, got {signal.dtype} of shape {signal.shape}")
        voice_s = find_voice(signal)
        if not voice_s:
            return Transcript("", [], language, self.name, self.model_name, None, 1.0, [NO_SPEECH])
        edges_s = heard_span(voice_s, len(signal) / SAMPLE_RATE)
        start, stop = (round(edge_s * SAMPLE_RATE) for edge_s in edges_s)
        heard = listen(signal[start:stop], language)
        return _transcript(self, heard, language, signal=signal, voice_s=voice_s)


def load_engine(config: Config) -> Engine:
    """The engine and model that the profile names, loaded once in each process."""
    p = config.processing
    # On a cluster each thread of a worker is one of the cluster's: see `backends`.
    n_jobs = 1 if p.backend == "dask" else config.n_jobs
    with _LOADING:
        return _load_engine(p.engine, p.model, p.compute_type, n_jobs)


_LOADING = threading.Lock()


@lru_cache(maxsize=1)
def _load_engine(engine: str, model: str, compute_type: str, n_jobs: int) -> Engine:
    if engine == "openai-whisper":
        return OpenAIWhisper(model, n_threads=n_jobs)
    return FasterWhisper(model, compute_type=compute_type, n_workers=n_jobs)


class FasterWhisper(Engine):
    """Whisper through CTranslate2.

    ``n_workers`` calls may run at once, on ``n_threads`` cores each. Windows of different
    recordings are decoded together for int8 only, whose results are the same bits in any batch
    (sums of integers have no rounding): float32 scores of a batch differ from those of a window on
    its own by up to 1e-6, so a transcript would depend on the recordings beside it.
    """

    name = "faster-whisper"

    def __init__(
        self,
        model: str,
        *,
        compute_type: str = "int8",
        n_workers: int = 1,
        n_threads: int = 1,
    ) -> None:
        self.model_name = model
        self._model = load_whisper(
            model, compute_type=compute_type, n_threads=n_threads, n_workers=n_workers
        )
        self._batch_size = BATCH_SIZE if compute_type == "int8" else 1
        # Twice the batch: as one recording ends, another takes its place in the batch.
        self.at_once = 1 if self._batch_size == 1 else 2 * self._batch_size

    def transcribe_each(
        self, signals: Sequence[np.ndarray], *, language: str, told: Told = tell_nobody
    ) -> Iterator[tuple[int, Transcript]]:
        """See `Engine`."""

        def one(model: Any, index: int) -> Transcript:
            listen = partial(self._listen, model=model, reached=partial(told, index))
            return self._guarded(signals[index], language, listen)

        model = self._model.model
        if self._batch_size == 1 or len(signals) < 2:
            yield from ((index, one(model, index)) for index in range(len(signals)))
            return
        # The longest first: the windows of one recording can only be decoded one by one.
        order = sorted(range(len(signals)), key=lambda i: -signals[i].size)
        for k, done in map_joined(one, order, model=model, size=self._batch_size):
            yield order[k], done

    def language_probabilities(self, signal: np.ndarray) -> dict[str, float]:
        """How probable Whisper finds each language (its code) in the first 30 s of a signal."""
        _, _, probabilities = self._model.detect_language(signal)
        return _rounded(probabilities)

    def _listen(
        self,
        signal: np.ndarray,
        language: str,
        *,
        model: Any = None,
        reached: Callable[[float], None] = lambda time_s: None,
    ) -> Heard:
        duration_s, reached_s = len(signal) / SAMPLE_RATE, 0.0
        languages: list[dict[str, float]] = []
        whisper = copy(self._model)
        whisper.model = model or self._model.model

        def encode(features: np.ndarray) -> Any:
            encoded = self._model.encode(features)
            # From what is encoded anyway: asked on its own, it costs half a transcription.
            (found,) = whisper.model.detect_language(encoded)
            languages.append(_rounded((token[2:-2], p) for token, p in found))
            # Encoding takes 41 to 47 % of a window's time on one core, so half of it counts as
            # heard: told at its end only, a batch's first windows would come at once, and late.
            reached((reached_s + min(reached_s + WINDOW_S, duration_s)) / 2)
            return encoded

        whisper.encode = encode
        parts, _ = whisper.transcribe(
            signal,
            language=language,
            beam_size=1,
            log_prob_threshold=LOGPROB_THRESHOLD,
            hallucination_silence_threshold=HALLUCINATION_SILENCE_S,
            **DECODING,
        )
        heard = []
        for part in parts:  # as they come, a window at a time
            reached_s = part.end
            reached(reached_s)
            heard.append(part)
        return heard, languages


class OpenAIWhisper(Engine):
    """Whisper as OpenAI published it, in float32: the reference.

    The guards are those of `FasterWhisper` but for HALLUCINATION_SILENCE_S:
    openai-whisper's own form of it leaves out speech, up to that many seconds
    before the end of each window of 30 s (11 of 670 words in the demo). Calls from several threads
    wait for each other: the model keeps what a decoding remembers in itself.
    """

    name = "openai-whisper"

    def __init__(self, model: str, *, n_threads: int = 1) -> None:
        # Only for who compares: faster-whisper needs neither torch nor this.
        from spoken_cefr.processing.weights.openai import load_openai_whisper

        self.model_name = model
        self._model = load_openai_whisper(model)
        self._n_threads = n_threads
        self._lock = threading.Lock()

    def _listen(self, signal: np.ndarray, language: str) -> Heard:
        from spoken_cefr.backends import torch_threads

        with self._lock, torch_threads(self._n_threads):
            result = self._model.transcribe(
                signal,
                language=language,
                fp16=False,
                logprob_threshold=LOGPROB_THRESHOLD,
                **DECODING,
            )
        return [_part(segment) for segment in result["segments"] if segment["tokens"]], []


def _part(segment: dict[str, Any]) -> SimpleNamespace:
    """openai-whisper's segment with the attributes of faster-whisper's."""
    words = [SimpleNamespace(**word) for word in segment["words"]]
    return SimpleNamespace(**(segment | {"words": words}))


def _rounded(probabilities: Iterable[tuple[str, float]]) -> dict[str, float]:
    return {code: round(p, 4) for code, p in probabilities if p >= MIN_LANGUAGE}


def _transcript(
    engine: Engine,
    heard: Heard,
    language: str,
    *,
    signal: np.ndarray,
    voice_s: list[Stretch],
) -> Transcript:
    """Put together what an engine heard, behind the last guard."""
    duration_s = len(signal) / SAMPLE_RATE
    parts, remarks = without_repetition(heard[0])
    offset_s, _ = heard_span(voice_s, duration_s)
    raw = [
        Word(
            plain_text(w.word),
            offset_s + w.start,
            offset_s + w.end,
            round(float(w.probability), 6),
        )
        for part in parts
        for w in part.words or []
    ]
    whole = raw if language in UNSPACED else join_elisions(raw)
    said = [word for word in whole if any(map(str.isalnum, word.word))]
    words, n_moved = tidy_words(cut_to_voice(said, voice_s), duration_s)
    parts = parts if words else []  # nothing but punctuation is nothing
    if n_moved:
        remarks.append(f"{n_moved} of {len(words)} words were moved to mend their times")
    remarks += [
        f"speech was detected at {start_s:.1f}-{end_s:.1f} s, but no word was taken from it"
        for start_s, end_s in unheard(joined(voice_s, gap_s=TURN_S), words)
    ]
    remarks += edge_sounds(signal, voice_s)
    n_tokens = [len(part.tokens) for part in parts]
    means = [
        round(float(np.average([getattr(part, name) for part in parts], weights=n_tokens)), 6)
        for name in ("avg_logprob", "no_speech_prob")
        if parts
    ]
    return Transcript(
        text=" ".join(text for part in parts if (text := plain_text(part.text).strip())),
        words=words,
        language=language,
        engine=engine.name,
        model=engine.model_name,
        avg_logprob=means[0] if means else None,
        no_speech_prob=means[1] if means else 1.0,
        remarks=remarks,
        languages=heard[1],
    )
