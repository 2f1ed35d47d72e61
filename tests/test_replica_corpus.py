"""The demo's recordings: what data/replica holds, and that it says what tools/corpus says."""

import ast
import csv
import datetime as dt
import re
import tomllib
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import soundfile as sf

ROOT = Path(__file__).resolve().parent.parent
REPLICA = ROOT / "data" / "replica"
SOURCES = ROOT / "tools" / "corpus"
LEVELS = ("A1", "A2", "B1", "B2", "C1")
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)


def read_csv(name):
    with (REPLICA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = read_csv("catalogue.csv")
TEXTS = {row["slug"]: row["text"] for row in read_csv("texts.csv")}
SPEAKERS = tomllib.loads((SOURCES / "speakers.toml").read_text(encoding="utf-8"))
SOURCE_ROWS = {
    table["slug"]: table
    for table in tomllib.loads((SOURCES / "recordings.toml").read_text(encoding="utf-8"))[
        "recording"
    ]
}
DURATIONS = {
    row["FileName"]: sf.info(REPLICA / "audio" / f"{row['FileName']}.mp3").duration for row in ROWS
}


def column(name):
    return [row[name] for row in ROWS]


def themes(row):
    return ast.literal_eval(row["Themes"])


def parse_date(text):
    """(weekday as written, date) of a French long date."""
    weekday, day, month, year = text.split()
    number = int(day.removesuffix("er"))
    assert day.endswith("er") == (number == 1)
    return weekday, dt.date(int(year), MONTHS.index(month) + 1, number)


def test_article_numbers_and_file_names_are_unique_and_plain():
    articles = [int(number) for number in column("ArticleId")]
    assert sorted(articles) == list(range(9001, 9001 + len(ROWS)))
    assert len(set(column("FileName"))) == len(ROWS)
    assert all(re.fullmatch(r"[a-z0-9_-]+", name) for name in column("FileName"))
    assert not any(re.match(r"[abc][12]([_-]|$)", name) for name in column("FileName"))


def test_dates_are_newest_first_with_the_right_weekdays():
    dates = [parse_date(text) for text in column("Date")]
    assert all(weekday == DAYS[date.weekday()] for weekday, date in dates)
    days = [date for _, date in dates]
    assert days == sorted(days, reverse=True)


def test_each_audio_file_is_mono_of_the_right_length_and_all_are_small():
    files = sorted((REPLICA / "audio").iterdir())
    assert [path.name for path in files] == sorted(f"{name}.mp3" for name in DURATIONS)
    for path in files:
        info = sf.info(path)
        assert (info.channels, info.samplerate, info.format) == (1, 24_000, "MP3"), path.name
        assert 15 <= info.duration <= 70, path.name
    assert sum(path.stat().st_size for path in files) <= 12_000_000


def test_the_duration_class_is_that_of_the_file():
    for row in filter(lambda row: row["Duration"], ROWS):
        low, high = map(int, re.fullmatch(r"(\d+)-(\d+) secondes", row["Duration"]).groups())
        assert low <= DURATIONS[row["FileName"]] < high, row["FileName"]


def test_length_does_not_give_the_level_away():
    by_level = defaultdict(list)
    for row in ROWS:
        by_level[row["Level"]].append(DURATIONS[row["FileName"]])
    for lower, upper in pairwise(LEVELS):
        assert max(by_level[lower]) > min(by_level[upper]), (lower, upper)
    assert max(by_level["A1"]) > min(by_level["C1"])


def test_the_catalogue_says_what_the_sources_say():
    assert set(column("FileName")) == set(SOURCE_ROWS)
    for row in ROWS:
        source = SOURCE_ROWS[row["FileName"]]
        who = [SPEAKERS[key] for key in source["speakers"]]
        missing = source.get("missing", [])
        assert row["Author"] == ", \n".join(speaker["author"] for speaker in who)
        assert row["Gender"] == ("" if "Gender" in missing else who[0]["gender"])
        assert row["Age"] == ("" if "Age" in missing else who[0]["age"])
        assert (row["Title"], row["Description"]) == (source["title"], source["description"])
        assert (row["Level"], themes(row)) == (source["level"], source["themes"])
        assert parse_date(row["Date"])[1] == source["date"]


def test_the_texts_are_those_of_the_sources_without_digits():
    assert set(TEXTS) == set(SOURCE_ROWS)
    for slug, source in SOURCE_ROWS.items():
        mark = re.compile(rf"^(?:{'|'.join(source['speakers'])}): ")
        lines = [mark.sub("", line) for line in source["text"].strip().splitlines()]
        assert TEXTS[slug] == " ".join(lines)
        assert not re.search(r"\d", TEXTS[slug]), slug


def test_speakers_allow_a_speaker_disjoint_split():
    levels, cards = defaultdict(set), Counter()
    for source in SOURCE_ROWS.values():
        for key in source["speakers"]:
            levels[key].add(source["level"])
            cards[key] += 1
    assert set(levels) == set(SPEAKERS) and len(SPEAKERS) == 14
    assert max(cards.values()) <= 8
    assert all(2 <= len(found) <= 4 for found in levels.values())
    at = {level: sum(level in found for found in levels.values()) for level in LEVELS}
    assert at["C1"] == 4 and at["B2"] >= 6 and at["A1"] >= 6
