"""The catalogue that the replica serves: the columns of the original study's file."""

import ast
import csv
import re
from dataclasses import dataclass
from pathlib import Path

from spoken_cefr.corpus.languages import LANGUAGES
from spoken_cefr.errors import InputError

COLUMNS: tuple[str, ...] = (
    "Language",
    "FileName",
    "Author",
    "Title",
    "Description",
    "Date",
    "Level",
    "Gender",
    "Age",
    "Duration",
    "Themes",
)
FIRST_ARTICLE = 9001  # where numbering begins for a catalogue without ArticleId
SLUG = re.compile(r"[a-z0-9_-]+")  # as the site names its audio files


@dataclass(frozen=True)
class Entry:
    """One card of the replica; an empty string is a value that the card lacks.

    ``slug`` is the name of the audio file without ``.mp3``; empty for a card without accordion
    and audio.
    """

    article: str
    language: str
    slug: str
    author: str
    title: str
    description: str
    date: str
    level: str
    gender: str
    age: str
    duration: str
    themes: tuple[str, ...]


def read_catalogue(path: Path) -> list[Entry]:
    """Read a catalogue in the original's columns, with an optional last ``ArticleId``.

    ``FileName`` is the slug when it looks like one of the site's; any other
    text gives ``recording_NNNN`` and an empty cell a card without audio. InputError, which
    names the row, if the file or a column is missing, a row cannot be read, or two rows share
    an article number or a slug.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: the replica needs a catalogue there") from None
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise InputError(f"{path}: column {missing[0]} is missing; it needs {', '.join(COLUMNS)}")
    entries = [_entry(row, index, path) for index, row in enumerate(rows)]
    _check_unique([entry.article for entry in entries], "article number", path)
    _check_unique([entry.slug for entry in entries if entry.slug], "file name", path)
    return entries


def _entry(row: dict[str, str], index: int, path: Path) -> Entry:
    where = f"{path}, row {index + 2}"
    if row["Language"] not in {language.name for language in LANGUAGES}:
        raise InputError(f"{where}: the site has no language {row['Language']!r}")
    name = row["FileName"]
    slug = name if SLUG.fullmatch(name) or not name else f"recording_{index + 1:04d}"
    as_it_is = [column for column in COLUMNS if column not in ("FileName", "Themes")]
    return Entry(
        article=row.get("ArticleId") or str(FIRST_ARTICLE + index),
        slug=slug,
        themes=_themes(row["Themes"], where),
        **{column.lower(): row[column] for column in as_it_is},
    )


def _themes(cell: str, where: str) -> tuple[str, ...]:
    """Read the cell's Python list literal; an empty cell holds no theme."""
    try:
        themes = ast.literal_eval(cell or "[]")
    except (SyntaxError, ValueError):
        themes = None
    if not isinstance(themes, list) or not all(isinstance(theme, str) for theme in themes):
        raise InputError(f"{where}: Themes must be a list such as ['sport'], not {cell!r}")
    return tuple(themes)


def _check_unique(values: list[str], what: str, path: Path) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise InputError(f"{path}: {what} {twice[0]!r} is used twice")
