"""A folder of recordings and a CSV of levels, as what scraping leaves for the later stages."""

import io
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.cards import AGE_GROUPS, duration_class
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.corpus.levels import LEVELS
from spoken_cefr.errors import InputError
from spoken_cefr.http import Refused
from spoken_cefr.scraping.download import Audio, duration_s
from spoken_cefr.scraping.metadata import (
    build_metadata,
    finish,
    level_problem,
    remarks,
    same_sound_problems,
)
from spoken_cefr.scraping.pages import Card
from spoken_cefr.scraping.texts import recording_id
from spoken_cefr.stages import Report, begin_stage, stage_folder
from spoken_cefr.store import replacing, sha256_of

NEEDED = ("file_name", "level")
OPTIONAL = ("speaker", "title", "description", "date", "gender", "age_group", "themes")
AGES = {english: french for french, english in AGE_GROUPS.items()}
GENDERS = {"female": "féminin", "f": "féminin", "male": "masculin", "m": "masculin"}
SOUNDS = (".mp3", ".wav", ".flac", ".ogg")


def import_folder(config: Config, folder: Path, levels: Path) -> Report:
    """Copy the recordings that have a level into ``scraping/``, with their ``metadata.csv``."""
    find_language(config.scraping.language)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the folder that holds the recordings")
    rows, notes = read_levels(levels)
    target = stage_folder(config, "scraping")
    begin_stage(config, "scraping")
    cards: list[Card] = []
    audio: dict[str, Audio] = {}
    reasons: dict[str, str] = {}
    seen: set[str] = set()
    for row in [*rows, *_without_row(folder, {row["file_name"] for row in rows})]:
        name, own = row["file_name"], _own_id(row["file_name"])
        key = _free_id(own, seen)
        seen.add(key)
        cards.append(_card(key, row))
        try:
            if "level" not in row:
                raise Refused(f"{name} has no row in {levels.name}")
            if key != own:
                raise Refused(
                    f"{name} stands in two rows, or differs from another in its signs only"
                )
            if problem := level_problem(cards[-1].level):
                raise Refused(problem)
            audio[key] = _copied(folder, name, target, key)
        except Refused as error:
            reasons[key] = error.reason
    reasons |= same_sound_problems(cards, audio)
    if not set(audio) - set(reasons):
        told = "; ".join(list(dict.fromkeys(reasons.values()))[:3]) or "the table is empty"
        raise InputError(f"{levels}: none of {len(cards)} recordings can be used ({told})")
    table = build_metadata(cards, audio, reasons, language=config.scraping.language)
    known = table["recording_id"].isin(audio)
    table.loc[known, "duration_class"] = table.loc[known, "duration_s"].map(duration_class)
    odd = [row for row in remarks(cards, table, audio) if not row["reason"].startswith("no ")]
    return finish(
        config,
        table,
        unit="recording",
        remarks=[{"id": levels.name, "reason": note} for note in notes] + odd,
        figures={"imported": int(table["usable"].sum())},
    )


def read_levels(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Rows of the CSV, cells stripped, and what is to be told of its columns.

    Commas, semicolons and tabs are taken, and the mark at the head of a spreadsheet's file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig").lstrip("\n")
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        options = {"dtype": str, "keep_default_na": False, "index_col": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # each row ends in a comma
            table = pd.read_csv(io.StringIO(text), sep=delimiter, **options)
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8: save it as CSV UTF-8 in the spreadsheet") from None
    except (OSError, ValueError) as error:
        told = str(error).strip()
        raise InputError(
            f"{path} cannot be read ({told}): give a CSV file with {' and '.join(NEEDED)}"
        ) from None
    columns = [name.strip() for name in table.columns]
    table = table.set_axis(columns, axis="columns").fillna("").apply(lambda c: c.str.strip())
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise InputError(
            f"{path}: column {missing[0]} is missing; needed are {', '.join(NEEDED)}, and read "
            f"are {', '.join(OPTIONAL)}"
        )
    rows = table.to_dict("records")
    nameless = [number for number, row in enumerate(rows, start=2) if not row["file_name"]]
    if nameless:
        raise InputError(f"{path}, row {nameless[0]}: file_name is empty")
    named = [name for name in columns if not name.startswith("Unnamed: ")]  # pandas's of no name
    unknown = [name for name in named if name not in NEEDED + OPTIONAL]
    notes = [f"columns not read: {', '.join(unknown)}"] if unknown else []
    if "speaker" not in columns:
        notes.append(
            "no column speaker: each recording counts as a speaker of its own; where one speaks "
            "in several, the scores are too good"
        )
        rows = [row | {"speaker": row["file_name"]} for row in rows]
    absent = [name for name in OPTIONAL[1:] if name not in columns]
    if absent:
        notes.append(f"columns that are not there: {', '.join(absent)}")
    return rows, notes


def _card(key: str, row: Mapping[str, str]) -> Card:
    level = row.get("level", "").upper()
    gender, age = row.get("gender", ""), row.get("age_group", "")
    return Card(
        recording_id=key,
        title=row.get("title") or Path(row["file_name"]).stem,
        author=row.get("speaker", ""),
        date=row.get("date", ""),
        level=level if level in (*LEVELS, "") else row["level"],
        gender=GENDERS.get(gender.lower(), gender),
        age=AGES.get(age.lower(), age),
        duration="",
        themes=tuple(theme.strip() for theme in row.get("themes", "").split("|") if theme.strip()),
        description=row.get("description", ""),
        page_url="",
        audio_url="",
    )


def _own_id(name: str) -> str:
    return recording_id(article="", slug=Path(name).with_suffix("").as_posix(), text=name)


def _free_id(key: str, seen: set[str]) -> str:
    if key not in seen:
        return key
    return next(free for n in range(2, len(seen) + 3) if (free := f"{key}_{n}") not in seen)


def _copied(folder: Path, name: str, target: Path, key: str) -> Audio:
    """The recording beside the table; Refused says why it cannot be there."""
    source = folder / name
    if not source.resolve().is_relative_to(folder.resolve()):
        raise Refused(f"{name} lies outside the folder")
    if not source.is_file():
        raise Refused(f"there is no file {name}")
    seconds = duration_s(source)
    if not seconds:
        raise Refused(f"{name} cannot be read as sound: make it {', '.join(SOUNDS)}")
    path = target / "audio" / f"{key}{source.suffix.lower()}"
    with replacing(path) as temporary:
        shutil.copyfile(source, temporary)
    return Audio(path.relative_to(target).as_posix(), sha256_of(path), round(seconds, 3))


def _without_row(folder: Path, told: set[str]) -> list[dict[str, str]]:
    """What the CSV could have said of the sounds that it does not name."""
    found = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SOUNDS)
    names = (path.relative_to(folder).as_posix() for path in found)
    return [{"file_name": name} for name in names if name not in told]
