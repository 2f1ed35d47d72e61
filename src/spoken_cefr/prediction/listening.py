"""The recordings that a person gives: found, checked, decoded, and what is heard in them."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from spoken_cefr.errors import InputError
from spoken_cefr.prediction import parts
from spoken_cefr.processing.decoding import SAMPLE_RATE, SILENCE, load_audio
from spoken_cefr.processing.transcription.engines import NO_SPEECH, FasterWhisper, Transcript
from spoken_cefr.processing.transcription.spoken_language import (
    MIN_PROBABILITY,
    is_foreign,
    mean_probabilities,
)
from spoken_cefr.processing.transcription.voice import TURN_S, find_voice, joined

# What is taken of a folder; a file that is named is read by its content, whatever its name.
EXTENSIONS: tuple[str, ...] = (
    *(".mp3", ".m4a", ".mp4", ".aac", ".wav", ".flac", ".ogg", ".oga", ".opus"),
    *(".webm", ".mkv", ".aif", ".aiff", ".au", ".caf", ".wma", ".m4v", ".mov"),
)
MIN_DURATION_S = 3.0  # of a recording, and of what is left of it
MAX_DURATION_S = 30 * 60.0
MAX_FILE_MB = 700.0  # 30 minutes in stereo at 48 kHz and 24 bit are 518 MB
LANGUAGE_S = 8.0  # of speech in which one language is told from another

Told = Callable[[float, float], None]  # how far a file is heard and how long it is, in seconds


def find_recordings(paths: Sequence[str | Path]) -> tuple[list[Path], list[str]]:
    """Files as given, and of each folder the audio files in it and below, sorted, each once.

    A file that was named is kept whatever its extension; of each folder of which others were left
    out there is a remark. InputError if a folder holds no audio file, nothing was given, or an
    address.
    """
    found: dict[Path, None] = {}
    remarks = []
    for path in paths:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", str(path)):
            raise InputError(f"{path} is an address: download the recording, then give the file")
        path = Path(path)
        if not path.is_dir():
            found[path] = None
            continue
        visible = [p for p in sorted(path.rglob("*")) if p.is_file() and not _hidden(p, path)]
        audio = [p for p in visible if p.suffix.lower() in EXTENSIONS]
        if not audio:
            raise InputError(
                f"{path} holds no audio file ({', '.join(e[1:] for e in EXTENSIONS)}): "
                "give another folder, or files by name"
            )
        if len(audio) < len(visible):
            remarks.append(f"{path}: left out {len(visible) - len(audio)} that are not audio")
        found |= dict.fromkeys(audio)
    if not found:
        raise InputError("no recording was given: name a file or a folder")
    return list(found), remarks


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def load_recording(path: Path, *, max_mb: float = MAX_FILE_MB) -> np.ndarray:
    """Check a file by its size and header, then decode it: (n_samples,), float32, mono at 16 kHz.

    InputError as `load_audio`, and if it is silent, shorter than 3 s or longer than 30 minutes.
    Nothing that is too large or too long is decoded.
    """
    signal = load_audio(path, max_duration_s=MAX_DURATION_S, max_mb=max_mb)
    duration_s = len(signal) / SAMPLE_RATE
    if duration_s < MIN_DURATION_S:
        raise InputError(
            f"{path} lasts {duration_s:.1f} s: at least {MIN_DURATION_S:.0f} s are needed"
        )
    if np.abs(signal).max() < SILENCE:
        raise InputError(f"{path} is silent from end to end: record it again")
    return signal


@dataclass(frozen=True)
class Heard:
    """One recording after listening.

    ``signal``, (n_samples,), float32, mono at 16 kHz, is what counts of the recording, ``kept``
    which parts of the ``whole`` it is, where something was left out; ``remarks`` say why.
    """

    path: Path
    signal: np.ndarray
    transcript: Transcript  # with the times of ``signal``
    spoken_language: str | None  # by Whisper's code; None where nobody speaks
    spoken_probability: float
    language_probability: float  # of the language that was asked for
    whole: np.ndarray | None = None
    kept: list[parts.Stretch] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def duration_s(self) -> float:
        """Length of what counts."""
        return len(self.signal) / SAMPLE_RATE

    def cut(self, signal: np.ndarray, sample_rate: int) -> np.ndarray:
        """The same parts of the recording at another rate."""
        return parts.cut(signal, self.kept, sample_rate) if self.kept else signal

    @property
    def recording(self) -> np.ndarray:
        """All of the recording, as `signal` is a part of it."""
        return self.signal if self.whole is None else self.whole

    def time_s(self, heard_s: float, *, is_end: bool = False) -> float:
        """When in the recording something is that was heard at this time."""
        return parts.time_in_recording(heard_s, self.kept, is_end=is_end) if self.kept else heard_s


@dataclass(frozen=True)
class Wish:
    """What is asked of every file: Whisper's code of the language, and a part of it."""

    language: str
    from_s: float | None = None
    to_s: float | None = None


def load_listener(model: str, *, compute_type: str, n_jobs: int, n_files: int) -> FasterWhisper:
    """Whisper for so many files: one alone gets all cores, several get one each.

    Windows are not decoded together: eight at once take some 0.4 GB more a worker, and keep the
    first results waiting for those of the whole batch (`benchmarks/predict_batch.py`).
    """
    n_workers = min(n_jobs, n_files)
    n_threads = max(1, n_jobs // n_workers)
    return FasterWhisper(model, compute_type=compute_type, n_workers=n_workers, n_threads=n_threads)


def listen(
    listener: FasterWhisper,
    paths: Sequence[Path],
    wish: Wish,
    *,
    n_jobs: int,
    told: Told = lambda heard_s, of_s: None,
) -> Iterator[Heard | InputError]:
    """Decode and transcribe each file; a file that cannot be used gives its error.

    ``told`` is called from another thread, in the context of the reader. Results come in the order
    of the files; none is begun before the reader has taken what was heard long before it.
    """
    waiting = deque(paths)
    begun: deque[Future] = deque()
    # Threads: CTranslate2 and numpy release the interpreter's lock, and share one model.
    with ThreadPoolExecutor(n_jobs) as pool:
        try:
            while waiting or begun:
                while waiting and len(begun) < n_jobs:
                    task = _listen, listener, waiting.popleft(), wish, told
                    begun.append(pool.submit(copy_context().run, *task))
                yield begun.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _listen(listener: FasterWhisper, path: Path, wish: Wish, told: Told) -> Heard | InputError:
    try:
        loaded = _load(path, wish)
    except InputError as error:
        return error
    duration_s = len(loaded.signal) / SAMPLE_RATE
    told(0.0, duration_s)
    [(_, transcript)] = listener.transcribe_each(
        [loaded.signal],
        language=wish.language,
        told=lambda _, time_s: told(time_s, duration_s),
    )
    return _heard(listener, loaded, transcript, wish.language)


@dataclass(frozen=True)
class _Loaded:
    path: Path
    whole: np.ndarray
    left_out: list[parts.Stretch]
    remarks: list[str]

    @property
    def kept(self) -> list[parts.Stretch]:
        return parts.take_out(self.left_out, len(self.whole) / SAMPLE_RATE)

    @property
    def signal(self) -> np.ndarray:
        return parts.cut(self.whole, self.kept)


def _load(path: Path, wish: Wish) -> _Loaded:
    """A recording without its edges, if so asked, and without what it plays again."""
    whole = load_recording(path)
    try:
        left_out = parts.edges(wish.from_s, wish.to_s, len(whole) / SAMPLE_RATE)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    inside = parts.take_out(left_out, len(whole) / SAMPLE_RATE)
    repeats = [
        (
            parts.time_in_recording(start_s, inside),
            parts.time_in_recording(end_s, inside, is_end=True),
        )
        for start_s, end_s in parts.find_repeats(parts.cut(whole, inside))
    ]
    remarks = [
        *(f"{a:.1f}-{b:.1f} s were left out as you asked" for a, b in left_out),
        *(f"{a:.1f}-{b:.1f} s play again what was played before: counted once" for a, b in repeats),
    ]
    loaded = _Loaded(path, whole, [*left_out, *repeats], remarks)
    if len(loaded.signal) < MIN_DURATION_S * SAMPLE_RATE:
        raise InputError(f"{path}: less than {MIN_DURATION_S:.0f} s are left: give other times")
    return loaded


def _heard(
    listener: FasterWhisper, loaded: _Loaded, transcript: Transcript, expected: str
) -> Heard:
    """One recording with its language, judged along the whole of it."""
    windows = transcript.languages
    told = mean_probabilities(windows)
    if NO_SPEECH not in transcript.remarks and any(is_foreign(w, expected) for w in windows):
        # A window of 30 s may hold two languages: look closer.
        foreign, windows = _foreign_parts(listener, loaded.signal, expected)
        told = mean_probabilities(windows)
        if foreign and len(foreign) < len(windows):
            loaded = _without(loaded, foreign)
            transcript = listener.transcribe(loaded.signal, language=expected)
            told = mean_probabilities(transcript.languages)
    spoken = max(told, key=told.__getitem__, default=None)
    probabilities = told.get(spoken, 0.0), told.get(transcript.language, 0.0)
    heard = Heard(loaded.path, loaded.signal, transcript, spoken, *probabilities)
    if not loaded.left_out:
        return heard
    return replace(heard, whole=loaded.whole, kept=loaded.kept, remarks=loaded.remarks)


def _foreign_parts(
    listener: FasterWhisper, signal: np.ndarray, expected: str
) -> tuple[dict[parts.Stretch, str], list[dict[str, float]]]:
    """Stretches of about 8 s of voice in another language, with its code; what each sounds like."""
    pieces: list[parts.Stretch] = []
    for start_s, end_s in find_voice(signal):
        if pieces and end_s - pieces[-1][0] <= LANGUAGE_S:
            start_s = pieces.pop()[0]
        pieces.append((start_s, end_s))
    told = [listener.language_probabilities(parts.cut(signal, [piece])) for piece in pieces]
    foreign = {
        piece: max(windows, key=windows.__getitem__)
        for piece, windows in zip(pieces, told, strict=True)
        if is_foreign(windows, expected) and max(windows.values()) > MIN_PROBABILITY
    }
    return foreign, told


def _without(loaded: _Loaded, foreign: dict[parts.Stretch, str]) -> _Loaded:
    """The recording without what is said in other languages; neighbours are told as one."""
    kept, left_out, remarks = loaded.kept, list(loaded.left_out), list(loaded.remarks)
    for code in dict.fromkeys(foreign.values()):
        own = [piece for piece, spoken in foreign.items() if spoken == code]
        for start_s, end_s in joined(own, gap_s=TURN_S):
            a = parts.time_in_recording(start_s, kept)
            b = parts.time_in_recording(end_s, kept, is_end=True)
            left_out.append((a, b))
            remarks.append(f"{a:.1f}-{b:.1f} s are in another language ({code}): left out")
    return _Loaded(loaded.path, loaded.whole, left_out, remarks)
