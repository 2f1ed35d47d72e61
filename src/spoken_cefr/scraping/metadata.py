"""Making the table of recordings, ``scraping/metadata.csv``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.cards import AGE_GROUPS, DURATION_CLASSES, YOUNG, named_duration
from spoken_cefr.corpus.dates import iso_date
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.corpus.metadata import COLUMNS
from spoken_cefr.corpus.speakers import speaker_ids
from spoken_cefr.scraping.download import Audio
from spoken_cefr.scraping.pages import Card
from spoken_cefr.scraping.texts import place
from spoken_cefr.stages import Report, finish_stage, stage_folder
from spoken_cefr.store import write_csv

KNOWN = {"age_group": {*AGE_GROUPS}, "duration_class": {*DURATION_CLASSES}}
# Worth a remark in the report where a card lacks them; the others often do.
EXPECTED: tuple[str, ...] = ("title", "author", "date", "gender", "age_group", "duration_class")


def level_problem(level: str) -> str:
    """Why a card of this level is not used; "" if it is."""
    if level in TARGET_LEVELS:
        return ""
    return f"level {level}" if level else "no level"


def same_sound_problems(cards: Sequence[Card], audio: Mapping[str, Audio]) -> dict[str, str]:
    """Why recordings cannot be used whose sound has several levels, by ``recording_id``."""
    problems = {}
    for same in _same_sounds(cards, audio):
        levels = sorted({card.level for card in same})
        if len(levels) > 1:
            for card in same:
                others = _others(same, card)
                problems[card.recording_id] = f"same sound as {others}, levels {', '.join(levels)}"
    return problems


def _same_sounds(cards: Sequence[Card], audio: Mapping[str, Audio]) -> list[list[Card]]:
    """Groups of cards that share one sound."""
    by_sound: dict[str, list[Card]] = {}
    for card in cards:
        if card.recording_id in audio:
            by_sound.setdefault(audio[card.recording_id].sha256, []).append(card)
    return [group for group in by_sound.values() if len(group) > 1]


def _others(group: Sequence[Card], card: Card) -> str:
    """The other cards of a group, by the first of them."""
    first, *more = (one.recording_id for one in group if one is not card)
    return f"{first} and {len(more)} others" if more else first


def build_metadata(
    cards: Sequence[Card],
    audio: Mapping[str, Audio],
    reasons: Mapping[str, str],
    *,
    language: str,
) -> pd.DataFrame:
    """The table of `COLUMNS`: a row for each card, sorted by ``recording_id``.

    ``audio`` has the recordings on disk and ``reasons`` why one is not usable, by
    ``recording_id``. ``duration_s`` is NaN without audio; a missing or unreadable text is "".
    """
    none = Audio("", "", float("nan"))
    rows = [asdict(card) | asdict(audio.get(card.recording_id, none)) for card in cards]
    table = pd.DataFrame(rows).rename(columns={"age": "age_group"})
    table = table.assign(
        language=language,
        speaker_id=speaker_ids(list(table["author"])),
        date=[iso_date(text) or "" for text in table["date"]],
        duration_class=table["duration"].map(named_duration),
        themes=[json.dumps(themes, ensure_ascii=False) for themes in table["themes"]],
        place=table["author"].map(place),
        reason=[reasons.get(name, "") for name in table["recording_id"]],
    )
    table["usable"] = table["reason"] == ""
    return table[list(COLUMNS)].sort_values("recording_id", ignore_index=True)


def remarks(
    cards: Sequence[Card], table: pd.DataFrame, audio: Mapping[str, Audio]
) -> list[dict[str, str]]:
    """What is odd or could not be read, one remark a recording, sorted by ``recording_id``."""
    raw_dates = {card.recording_id: card.date for card in cards}
    odd = {card.recording_id: list(card.remarks) for card in cards}
    for group in _same_sounds(cards, audio):
        for card in group:
            odd[card.recording_id].append(f"same sound as {_others(group, card)}")
    found = []
    for row in table.to_dict("records"):
        raw_date = raw_dates[row["recording_id"]]
        unread = bool(raw_date) and not row["date"]
        missing = [name for name in EXPECTED if not row[name] and not (name == "date" and unread)]
        texts = [f"date not understood: {raw_date}"] if unread else []
        texts += [f"no {', '.join(missing)}"] if missing else []
        texts += [f"{name} {row[name]} is not one of the words known" for name in _unknown(row)]
        texts += odd[row["recording_id"]]
        if texts:
            found.append({"id": row["recording_id"], "reason": "; ".join(texts)})
    return found


def _unknown(row: Mapping[str, Any]) -> list[str]:
    """Fields whose words are not the site's French ones, as those of another interface are.

    They stay as they are: each is a group of its own, only the figures of ages cannot order them.
    """
    return [
        name for name, words in KNOWN.items() if not {*filter(None, row[name].split(", "))} <= words
    ]


def finish(
    config: Config,
    table: pd.DataFrame,
    *,
    unit: str,
    remarks: list[dict[str, str]],
    figures: dict[str, int],
) -> Report:
    """Write the table and, last, the account."""
    folder = stage_folder(config, "scraping")
    write_csv(folder / "metadata.csv", table)
    kept, left_out = table[table["usable"]], table[~table["usable"]]
    pairs = zip(left_out["recording_id"], left_out["reason"], strict=True)
    report = Report(
        stage="scraping",
        unit=unit,
        n_in=len(table),
        n_out=len(kept),
        dropped=[{"id": name, "reason": reason} for name, reason in pairs],
        remarks=remarks,
        figures=figures | {"audio_s": round(float(kept["duration_s"].sum()), 3)},
    )
    outputs = [folder / "metadata.csv", *(folder / name for name in kept["file_name"])]
    return finish_stage(config, report, outputs=outputs)


def tell_shortcuts(usable: pd.DataFrame) -> str:
    """How age, duration and speakers go with the level, by rows of ``metadata.csv``."""
    by_level = usable.groupby("level")
    length_s = by_level["duration_s"].mean()
    speakers = by_level["speaker_id"].nunique()
    shortest, longest = length_s.idxmin(), length_s.idxmax()
    young = usable["age_group"].isin(YOUNG).groupby(usable["level"]).mean()
    return (
        f"**What we see.** {len(usable)} recordings by {usable['speaker_id'].nunique()} speakers. "
        f"A recording lasts {length_s[shortest]:.0f} s on average at {shortest} and "
        f"{length_s[longest]:.0f} s at {longest}: its length alone is a clue to its level. "
        f"Children and adolescents speak {young.iloc[0]:.0%} of {young.index[0]} and "
        f"{young.iloc[-1]:.0%} of {young.index[-1]}. {speakers.idxmin()} has the fewest speakers, "
        f"{speakers.min()}."
    )
