"""Writing files so that a killed run leaves either the old one or the new one."""

from __future__ import annotations  # pandas is only named here: see below

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spoken_cefr.errors import InputError

if TYPE_CHECKING:  # their import takes 0.4 s, half of a command that has nothing to do
    import pandas as pd


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` on success.

    The temporary file keeps the suffix (libraries choose a format by it) and
    is removed when the block fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises
    ------
    InputError
        If the file is not there or is not JSON; the message names it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing: run the stage that writes it first") from None
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}): delete it and run again") from None


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV (UTF-8, LF, no index), all or nothing."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet without index, all or nothing."""
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value: the key under which a result is kept."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
