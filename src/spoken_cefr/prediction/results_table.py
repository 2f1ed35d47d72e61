"""The results as a table for a spreadsheet: a row is written as soon as its result is there."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spoken_cefr.errors import InputError
from spoken_cefr.measures.table import measures_of
from spoken_cefr.prediction.models import LENGTH, Card
from spoken_cefr.store import replacing

BY_MARK = "utf-8-sig"  # spreadsheets know the encoding by the byte-order mark
VERDICT = ("level", "score", "score_name", "confidence", "abstains", "abstain_reason")


def columns_of(card: Card) -> list[str]:
    """The same for every file that a model answers, usable or not."""
    return [
        *("file", "error", "duration_s", *VERDICT),
        *(f"p_{level}" for level in card.classes),
        *("n_words", LENGTH.name, *sorted(measure.name for measure in measures_of(card.language))),
        *("rare_words", "transcript", "model", "notice"),
    ]


class ResultsTable:
    """A CSV file that grows by a row a result; without a path it takes them and writes nothing.

    A cell that begins like a formula gets an apostrophe, so that no spreadsheet runs what a
    file's name or a transcript says. To ``resume`` is to keep the rows that a killed batch has
    left, but for those of failed files. InputError if the file cannot be written, or is to be gone
    on with and is of another model.
    """

    def __init__(self, path: str | None, card: Card, *, resume: bool) -> None:
        self._path = None if path is None else Path(path)
        self._columns, self._model = columns_of(card), card.name
        self._rows = self._rows_left() if resume and self._path.exists() else []
        self.done = {row["file"].removeprefix("'") for row in self._rows}

    def __enter__(self) -> "ResultsTable":
        if self._path is None:
            return self
        try:
            with (
                replacing(self._path) as temporary,
                temporary.open("w", encoding=BY_MARK, newline="") as file,
            ):
                writer = csv.DictWriter(file, self._columns)
                writer.writeheader()
                writer.writerows(self._rows)
            self._file = self._path.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise self._unwritable(error) from None
        self._rows = []
        return self

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            self._file.close()

    def add(self, result: Mapping[str, Any]) -> None:
        """Write the row of one result; it is on the disk when this returns."""
        if self._path is None:
            return
        try:
            csv.DictWriter(self._file, self._columns).writerow(row_of(result))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None

    def _rows_left(self) -> list[dict[str, str]]:
        """The whole rows of a table that was begun before."""
        try:
            text = self._path.read_text(encoding=BY_MARK)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self._path} cannot be read ({error}): give another") from None
        lines = text.splitlines(keepends=True)
        if lines and not lines[-1].endswith("\n"):
            lines.pop()  # was being written
        reader = csv.DictReader(lines)
        if text and reader.fieldnames != self._columns:
            raise InputError(f"{self._path} is no table of this model's results: give another")
        rows = [row for row in reader if not row["error"]]
        if any(row["model"] != self._model for row in rows):
            raise InputError(f"{self._path} is of another model: give another table, or --model")
        return rows

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(f"{self._path} cannot be written ({error.strerror}): give another")


def csv_of(results: Sequence[Mapping[str, Any]], card: Card) -> bytes:
    """The same table in memory."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns_of(card))
    writer.writeheader()
    writer.writerows(map(row_of, results))
    return text.getvalue().encode(BY_MARK)


def row_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a spreadsheet can hold of one result, errors included; no cell of it is run."""
    return {name: _inert(cell) for name, cell in _cells(result).items()}


def _cells(result: Mapping[str, Any]) -> dict[str, Any]:
    if "error" in result:
        return {"file": result["file"], "error": result["error"]}
    return {
        **{name: result[name] for name in ("file", "duration_s", *VERDICT, "transcript")},
        **{f"p_{level}": p for level, p in (result["probabilities"] or {}).items()},
        "n_words": len(result["words"]),
        **{name: row["value"] for name, row in result["measures"].items()},
        "rare_words": " ".join(row["word"] for row in result["rare_words"]),
        "model": result["model"]["name"],
        "notice": result["model"]["notice"],
    }


def _inert(cell: Any) -> Any:
    starts_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{cell}" if starts_formula else cell
