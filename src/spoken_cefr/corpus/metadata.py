"""The table of recordings that scraping writes and every later stage reads."""

from pathlib import Path

import pandas as pd

from spoken_cefr.errors import InputError
from spoken_cefr.store import reading

COLUMNS: tuple[str, ...] = (
    "file_name",  # relative path of the mp3: the folder loads as an `audiofolder`
    "recording_id",
    "language",
    "title",
    "author",
    "speaker_id",
    "description",
    "date",
    "level",
    "gender",
    "age_group",
    "duration_class",
    "themes",
    "page_url",
    "audio_url",
    "sha256",
    "duration_s",
    "place",
    "usable",
    "reason",
)


def read_metadata(path: Path) -> pd.DataFrame:
    """Read the table back as scraping made it: "" for missing text, never NaN.

    InputError, which names it, if the file is missing or lacks a column.
    """
    types = dict.fromkeys(COLUMNS, str) | {"duration_s": float, "usable": bool}
    with reading(path):
        table = pd.read_csv(
            path, dtype=types, keep_default_na=False, na_values={"duration_s": [""]}
        )
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise InputError(f"{path}: column {missing[0]} is missing; delete it and run scraping")
    return table
