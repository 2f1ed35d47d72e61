"""The recordings that a person gives: found, checked before they are decoded, decoded."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from spoken_cefr.errors import InputError
from spoken_cefr.processing.audio import SAMPLE_RATE, load_audio
from spoken_cefr.processing.mp3 import walk_frames
from spoken_cefr.processing.recordings import SILENCE

EXTENSIONS: tuple[str, ...] = (".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff")
MIN_DURATION_S = 3.0
MAX_DURATION_S = 30 * 60.0
MAX_FILE_MB = 700
# Samples of all channels: 30 minutes in stereo at 48 kHz, 0.7 GB when decoded.
MAX_SAMPLES = int(MAX_DURATION_S * 48_000 * 2)
_UNKNOWN_FRAMES = 2**62  # libsndfile's answer where a header does not say how long the file is


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
            remarks.append(f"{path}: {len(visible) - len(audio)} files that are not audio left out")
        found |= dict.fromkeys(audio)
    if not found:
        raise InputError("no recording was given: name a file or a folder")
    return list(found), remarks


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def load_recording(path: Path) -> np.ndarray:
    """Check a file's size and length by its header, then decode it.

    Returns
    -------
    np.ndarray, shape (n_samples,), float32
        Mono at 16 kHz.

    Raises
    ------
    InputError
        If there is no such file, it cannot be read, is no audio, is damaged,
        silent, shorter than 3 s or longer than 30 minutes. Nothing that is too
        long is decoded.
    """
    check_recording(path)
    signal = load_audio(path)
    duration_s = len(signal) / SAMPLE_RATE
    _check_duration(path, duration_s)
    if np.abs(signal).max() < SILENCE:
        raise InputError(f"{path} is silent from end to end: record it again")
    return signal


def check_recording(path: Path) -> float:
    """Duration in s that a file's header announces, if it may be decoded.

    Raises
    ------
    InputError
        As `load_recording`, but for what only the samples tell.
    """
    size = _size_of_readable(path)
    if size == 0:
        raise InputError(f"{path} is an empty file (0 bytes)")
    if size > MAX_FILE_MB * 1_000_000:
        raise InputError(f"{path} has {size / 1e6:.0f} MB; at most {MAX_FILE_MB} MB are read")
    try:
        header = soundfile.info(str(path))
    except (soundfile.SoundFileError, RuntimeError):
        raise InputError(
            f"{path} is not audio that can be decoded, or is damaged: give an mp3, wav, flac or "
            "ogg file"
        ) from None
    if not 0 <= header.frames < _UNKNOWN_FRAMES:
        raise InputError(f"{path} does not say how long it is: save it again as wav or mp3")
    duration_s = header.frames / header.samplerate
    if header.format == "MP3":
        # libsndfile believes the first frame, which may say too little; see `processing.mp3`.
        walk = walk_frames(path.read_bytes())
        duration_s = max(duration_s, walk.duration_s if walk else 0.0)
    _check_duration(path, duration_s)
    if duration_s * header.samplerate * header.channels > MAX_SAMPLES:
        raise InputError(
            f"{path} has {header.channels} channels at {header.samplerate} Hz, too much to decode "
            "for its length: convert it to 16 kHz mono"
        )
    return duration_s


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
        raise InputError(f"{path} may not be read: ask its owner, or change its mode") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path!s:.200} cannot be read ({why})") from None


def _check_duration(path: Path, duration_s: float) -> None:
    if duration_s < MIN_DURATION_S:
        raise InputError(
            f"{path} lasts {duration_s:.1f} s: at least {MIN_DURATION_S:.0f} s are needed"
        )
    if duration_s > MAX_DURATION_S:
        raise InputError(
            f"{path} lasts {duration_s / 60:.0f} minutes: at most {MAX_DURATION_S / 60:.0f} are "
            "taken, so cut it"
        )
