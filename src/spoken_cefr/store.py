"""Files: written so that a killed run leaves either the old one or the new one; and the cache.

What takes long to make is kept under a digest of all that it depends on, and made again
where any of that has changed. `Cache` names files by the digest. Where other names are
promised to readers, the digest is inside the file and `read_kept` reads it.
"""

from __future__ import annotations  # pandas is only named here: see below

import errno
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from spoken_cefr.errors import InputError
from spoken_cefr.progress import tell

if TYPE_CHECKING:  # their import takes 0.4 s, half of a command that has nothing to do
    import numpy as np
    import pandas as pd

KEY_DIGITS = 12  # of a digest in a file's name: 16**12 values, for a handful of results a unit
PIECE_BYTES = 2**24  # of a file that is read to its end

T = TypeVar("T")

# Why nothing can be written, whatever it is, and what to do.
NOT_WRITTEN = {
    errno.ENOSPC: "the disk is full: free some room",
    errno.EDQUOT: "your share of the disk is full: free some room",
    errno.EFBIG: "files may not be that large here: choose another data_dir",
    errno.EROFS: "this disk may only be read: choose another data_dir",
    errno.EACCES: "you may not write there: choose another data_dir",
    errno.EPERM: "you may not write there: choose another data_dir",
}

# Columns that hold names, whatever they look like.
NAME_COLUMNS = ("recording_id", "speaker_id", "segment_id", "id", "run")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` on success.

    The temporary file keeps the suffix (libraries choose a format by it) and
    is removed when the block fails. InputError where the disk is full or may only be read.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except Exception as error:
        if reason := why_not_written(error):
            raise InputError(
                f"{path} cannot be written: {reason}, and run the same command again"
            ) from error
        raise
    finally:
        with suppress(OSError):  # where nothing may be written nothing can be removed
            temporary.unlink()


def why_not_written(error: Exception) -> str | None:
    """The reason and what to do, where a disk refuses what is written; else None."""
    number = getattr(error, "errno", None)
    if number is None:  # a library in another language leaves its number in the text only
        found = re.search(r"(?:os error|errno) (\d+)", str(error))
        number = int(found.group(1)) if found else None
    return NOT_WRITTEN.get(number)


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Let no second run write to a folder; the lock of a process that has died holds nobody up."""
    from filelock import FileLock, Timeout

    lock, owner = FileLock(folder / ".running.lock", timeout=0), folder / ".running.pid"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        with suppress(OSError):
            folder = f"{folder} (process {owner.read_text(encoding='utf-8').strip()})"
        raise InputError(
            f"another run is writing to {folder}: wait until it ends, then run the same command "
            "again"
        ) from None
    except OSError as error:
        reason = why_not_written(error) or error.strerror
        raise InputError(f"{folder} cannot be written: {reason}") from None
    try:
        write_text(owner, f"{os.getpid()}\n")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def remove_unfinished(folder: Path) -> None:
    """Remove what `replacing` left in a folder when its process was killed."""
    for path in folder.rglob(".*.tmp*"):
        path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys; NaN and infinity are an error."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False)
    write_text(path, text + "\n")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a missing or damaged file raises into one InputError that names it."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} is missing: run the stage that writes it first") from None
    except PermissionError:
        raise InputError(f"{path} may not be read: change its permissions") from None
    except (OSError, ValueError, LookupError, TypeError, EOFError, RecursionError) as error:
        told = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} is damaged ({told}): delete it and run again") from None


def read_json(path: Path) -> dict[str, Any]:
    """Read a table of keys; InputError, which names the file, if there is none."""
    with reading(path):
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise TypeError(f"{type(value).__name__} in place of dict")
        return value


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV (UTF-8, LF, no index), all or nothing."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table that `write_csv` wrote: names such as ``007``, ``nan`` or ``NA`` stay text.

    A missing text is "", a missing number NaN. InputError as `read_json`.
    """
    import pandas as pd

    names = dict.fromkeys(NAME_COLUMNS, str)
    with reading(path):
        table = pd.read_csv(path, dtype=names, keep_default_na=False, na_values=[""])
    texts = table.select_dtypes(include=["object", "string"]).columns
    return table.fillna(dict.fromkeys(texts, ""))


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet without index, all or nothing."""
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table that `write_parquet` wrote; InputError as `read_json`."""
    import pandas as pd

    with reading(path):
        return pd.read_parquet(path)


def read_array(path: Path) -> np.ndarray:
    """A NumPy array, memory-mapped; InputError as `read_json`."""
    import numpy as np

    with reading(path):
        return np.load(path, mmap_mode="r", allow_pickle=False)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits.

    In large pieces: after each the interpreter's lock is waited for, and `hashlib.file_digest`
    takes 150 MB in 600 (3 s beside a busy thread, where this takes 0.1 s).
    """
    told = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            told.update(piece)
    return told.hexdigest()


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value: the key under which a result is kept."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read_kept(
    path: Path, read: Callable[[Path], T], *, damaged: tuple[type[Exception], ...] = ()
) -> T | None:
    """What an earlier run left in a file; None if it left none, or one that is damaged.

    Damage is told. It shows as OSError, ValueError, KeyError or what ``damaged`` adds.
    """
    if not path.exists():
        return None
    try:
        return read(path)
    except (OSError, ValueError, KeyError, *damaged):
        tell(f"{path} is damaged: it is made anew")
        return None


@dataclass(frozen=True)
class Cache(Generic[T]):
    """Results of one kind, one for each unit, in files called ``<unit>.<key><suffix>``.

    The folder may be shared with other files; ``read(path)`` gives a result and
    ``write(result, path)`` puts it there; ``damaged`` is as `read_kept` takes it.
    """

    folder: Path
    suffix: str
    read: Callable[[Path], T]
    write: Callable[[T, Path], object]
    damaged: tuple[type[Exception], ...] = ()

    def fill(
        self, wanted: Mapping[str, Any], make: Callable[[Sequence[str]], Iterable[T]]
    ) -> dict[str, T]:
        """The results of all units, read where they are kept and else made and kept.

        ``wanted`` tells of each unit all that its result depends on, JSON-able. ``make`` takes the
        units that are missing and gives their results in that order; each is kept as it comes,
        and nothing is asked for where nothing is missing.
        """
        paths = {unit: self._path(unit, depends_on) for unit, depends_on in wanted.items()}
        results = {
            unit: read_kept(path, self.read, damaged=self.damaged) for unit, path in paths.items()
        }
        missing = [unit for unit, result in results.items() if result is None]
        if missing:
            for unit, result in zip(missing, make(missing), strict=True):
                results[unit] = result
                self._forget(unit)  # first: a run that is killed here leaves none too many
                with replacing(paths[unit]) as temporary:
                    self.write(result, temporary)
        return results

    def _path(self, unit: str, depends_on: Any) -> Path:
        return self.folder / f"{unit}.{digest(depends_on)[:KEY_DIGITS]}{self.suffix}"

    def _forget(self, unit: str) -> None:
        """Remove what is kept of a unit, and nothing of another whose name begins alike."""
        key = f"[0-9a-f]{{{KEY_DIGITS}}}"
        own = re.compile(rf"{re.escape(unit)}\.{key}{re.escape(self.suffix)}")
        for path in self.folder.glob(f"*{self.suffix}"):
            if own.fullmatch(path.name):
                path.unlink(missing_ok=True)
