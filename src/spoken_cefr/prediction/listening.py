"""The recordings that a person gives: found, checked, decoded, and what is heard in them."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from spoken_cefr.errors import InputError
from spoken_cefr.processing.decoding import SAMPLE_RATE, load_audio
from spoken_cefr.processing.recordings import SILENCE
from spoken_cefr.processing.transcription.engines import NO_SPEECH, FasterWhisper, Transcript

# What is taken of a folder; a file that is named is read by its content, whatever its name.
EXTENSIONS: tuple[str, ...] = (
    *(".mp3", ".m4a", ".mp4", ".aac", ".wav", ".flac", ".ogg", ".oga", ".opus"),
    *(".webm", ".mkv", ".aif", ".aiff", ".au", ".caf"),
)
MIN_DURATION_S = 3.0
MAX_DURATION_S = 30 * 60.0
MAX_FILE_MB = 700.0  # 30 minutes in stereo at 48 kHz and 24 bit are 518 MB
MAX_BATCH_S = 40 * 60.0  # audio of one batch in memory: 150 MB


def find_recordings(paths: Sequence[str | Path]) -> tuple[list[Path], list[str]]:
    """Files as given, and of each folder the audio files in it and below, sorted.

    Returns
    -------
    files : list of Path
        Each once. A file that was named by the user is kept whatever its extension.
    remarks : list of str
        One for each folder of which other files were left out.

    Raises
    ------
    InputError
        If a folder holds no audio file, or nothing was given.
    """
    found: dict[Path, None] = {}
    remarks = []
    for path in map(Path, paths):
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
    """Check a file by its size and header, then decode it.

    Returns
    -------
    np.ndarray, shape (n_samples,), float32
        Mono at 16 kHz.

    Raises
    ------
    InputError
        If there is no such file, it cannot be read, is no audio, is damaged,
        silent, shorter than 3 s or longer than 30 minutes. Nothing that is too
        large or too long is decoded.
    """
    _check_file(path, max_mb=max_mb)
    signal = load_audio(path, max_duration_s=MAX_DURATION_S)
    duration_s = len(signal) / SAMPLE_RATE
    if duration_s < MIN_DURATION_S:
        raise InputError(
            f"{path} lasts {duration_s:.1f} s: at least {MIN_DURATION_S:.0f} s are needed"
        )
    if np.abs(signal).max() < SILENCE:
        raise InputError(f"{path} is silent from end to end: record it again")
    return signal


def _check_file(path: Path, *, max_mb: float) -> None:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:  # libsndfile's wrapper takes no other names
        raise InputError(f"{path} has a name that is not UTF-8: rename it") from None
    size = _size_of_readable(path)
    if size == 0:
        raise InputError(f"{path} is an empty file (0 bytes)")
    if size > max_mb * 1e6:
        raise InputError(f"{path} has {size / 1e6:.0f} MB: at most {max_mb:g} MB are read")


def _size_of_readable(path: Path) -> int:
    """Size in bytes, after one byte was read."""
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is not a file")
        with path.open("rb") as file:
            file.read(1)
            return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path} is missing: check its name") from None
    except PermissionError:
        raise InputError(f"{path} may not be read by this user: change its permissions") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path!s:.200} cannot be read ({why})") from None


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
    """Whisper for so many files: one alone gets all cores, several get one each."""
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
