"""What is heard in recordings: transcript, word times and language, several files at once."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from spoken_cefr.errors import InputError
from spoken_cefr.prediction.sources import load_recording
from spoken_cefr.processing.transcription.engines import (
    NO_SPEECH,
    SAMPLE_RATE,
    FasterWhisper,
    Transcript,
)

MAX_BATCH_S = 40 * 60.0  # audio of one batch in memory: 150 MB


@dataclass(frozen=True)
class Heard:
    """One recording after listening.

    Parameters
    ----------
    signal : np.ndarray, shape (n_samples,), float32
        Mono at 16 kHz.
    spoken_language : str or None
        Whisper's code of the language that it takes this for, None where nobody speaks.
    spoken_probability, language_probability : float
        How probable that language is, and the one that was asked for.
    """

    path: Path
    signal: np.ndarray
    transcript: Transcript
    spoken_language: str | None
    spoken_probability: float
    language_probability: float

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return len(self.signal) / SAMPLE_RATE


def load_listener(model: str, *, compute_type: str, n_jobs: int, n_files: int) -> FasterWhisper:
    """Whisper for so many files: one alone gets all cores, several get one each.

    Raises
    ------
    InputError
        If the model's files are missing.
    """
    n_workers = min(n_jobs, n_files)
    return FasterWhisper(
        model, compute_type=compute_type, n_workers=n_workers, n_threads=max(1, n_jobs // n_workers)
    )


def listen(
    listener: FasterWhisper, paths: Sequence[Path], *, language: str, n_jobs: int
) -> Iterator[Heard | InputError]:
    """Decode and transcribe each file; a file that cannot be used gives its error.

    Yields in the order of the files, as batches are done.
    """
    size = min(listener.at_once, ceil(len(paths) / n_jobs))
    batches = [paths[i : i + size] for i in range(0, len(paths), size)]
    tasks = (delayed(_listen_batch)(listener, batch, language) for batch in batches)
    # Threads: CTranslate2 and numpy release the interpreter's lock, and share one model.
    with closing(Parallel(n_jobs, prefer="threads", return_as="generator")(tasks)) as done:
        for batch in done:
            yield from batch


def _listen_batch(
    listener: FasterWhisper, paths: Sequence[Path], language: str
) -> list[Heard | InputError]:
    """Transcribe files together, as many at once as memory allows."""
    outcomes: list[Heard | InputError | None] = [None] * len(paths)
    waiting: dict[int, np.ndarray] = {}
    waiting_s = 0.0
    for i, path in enumerate(paths):
        try:
            waiting[i] = load_recording(path)
            waiting_s += len(waiting[i]) / SAMPLE_RATE
        except InputError as error:
            outcomes[i] = error
        if waiting and (waiting_s > MAX_BATCH_S or i == len(paths) - 1):
            signals = list(waiting.values())
            transcripts = listener.transcribe_many(signals, language=language)
            for k, signal, transcript in zip(waiting, signals, transcripts, strict=True):
                outcomes[k] = _heard(listener, paths[k], signal, transcript)
            waiting, waiting_s = {}, 0.0
    return outcomes


def _heard(
    listener: FasterWhisper, path: Path, signal: np.ndarray, transcript: Transcript
) -> Heard:
    if NO_SPEECH in transcript.remarks:
        return Heard(path, signal, transcript, None, 0.0, 0.0)
    probabilities = listener.language_probabilities(signal)
    spoken = max(probabilities, key=probabilities.__getitem__)
    return Heard(
        path,
        signal,
        transcript,
        spoken,
        probabilities[spoken],
        probabilities[transcript.language],
    )
