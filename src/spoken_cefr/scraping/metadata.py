"""Making the table of recordings, ``scraping/metadata.csv``."""

import json
from collections.abc import Mapping, Sequence

import pandas as pd

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.corpus.metadata import COLUMNS
from spoken_cefr.corpus.speakers import speaker_ids
from spoken_cefr.scraping.dates import iso_date
from spoken_cefr.scraping.download import Audio
from spoken_cefr.scraping.fields import place
from spoken_cefr.scraping.pages import Card

# Worth a remark in the report where a card lacks them; the others often do.
EXPECTED: tuple[str, ...] = ("title", "author", "date", "gender", "age_group", "duration_class")


def level_problem(level: str) -> str:
    """Why a card of this level is not used; "" if it is."""
    if level in TARGET_LEVELS:
        return ""
    return f"level {level}" if level else "no level"


def build_metadata(
    cards: Sequence[Card],
    audio: Mapping[str, Audio],
    reasons: Mapping[str, str],
    *,
    language: str,
) -> pd.DataFrame:
    """Make the table: a row for each card, sorted by ``recording_id``.

    Parameters
    ----------
    cards : sequence of Card
        Each recording once.
    audio : mapping
        The recordings on disk, by ``recording_id``.
    reasons : mapping
        Why a recording is not usable, by ``recording_id``.
    language : str
        ISO 639 code.

    Returns
    -------
    pd.DataFrame
        With ``COLUMNS``. ``themes`` is a JSON list; ``duration_s`` is in
        seconds, NaN without audio; a missing or unreadable text is "".
    """
    speakers = speaker_ids([card.author for card in cards])
    rows = []
    for card, speaker_id in zip(cards, speakers, strict=True):
        found = audio.get(card.recording_id)
        reason = reasons.get(card.recording_id, "")
        rows.append(
            {
                "file_name": found.file_name if found else "",
                "recording_id": card.recording_id,
                "language": language,
                "title": card.title,
                "author": card.author,
                "speaker_id": speaker_id,
                "description": card.description,
                "date": iso_date(card.date) or "",
                "level": card.level,
                "gender": card.gender,
                "age_group": card.age,
                "duration_class": card.duration,
                "themes": json.dumps(card.themes, ensure_ascii=False),
                "page_url": card.page_url,
                "audio_url": card.audio_url,
                "sha256": found.sha256 if found else "",
                "duration_s": found.duration_s if found else float("nan"),
                "place": place(card.author),
                "usable": not reason,
                "reason": reason,
            }
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values("recording_id", ignore_index=True)


def remarks(cards: Sequence[Card], table: pd.DataFrame) -> list[dict[str, str]]:
    """What could not be read, one remark a recording, sorted by ``recording_id``."""
    raw_dates = {card.recording_id: card.date for card in cards}
    found = []
    for row in table.to_dict("records"):
        raw_date = raw_dates[row["recording_id"]]
        unread = bool(raw_date) and not row["date"]
        missing = [name for name in EXPECTED if not row[name] and not (name == "date" and unread)]
        texts = [f"date not understood: {raw_date}"] if unread else []
        texts += [f"no {', '.join(missing)}"] if missing else []
        if texts:
            found.append({"id": row["recording_id"], "reason": "; ".join(texts)})
    return found
