"""Words with their times, and the tidying of the times that Whisper gives."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

UNSPACED = ("zh", "ja", "th", "lo", "my", "yue")  # languages that write no spaces between words
COMPRESSION_THRESHOLD = 2.4  # text that zips better than this repeats itself; OpenAI's default
MIN_WORD_S = 0.01  # every word gets at least this: a TextGrid has no empty interval


# Signs of one meaning, to the one that the pipelines of languages know.
_SAME = str.maketrans(
    dict.fromkeys("\u2019\u02bc\u2018\u00b4\uff07", "'")
    | dict.fromkeys("\u2010\u2011", "-")
    | dict.fromkeys("\u00a0\u202f\u2009\u2007", " ")
)


def plain_text(text: str) -> str:
    """A text with one sign for the apostrophe, the hyphen and the space, in NFC.

    For where texts come in: a parser takes the variants for other words. Only what is not in
    NFC changes its length.
    """
    return unicodedata.normalize("NFC", text).translate(_SAME)


class Word(NamedTuple):
    """A word, its times in seconds from the start of the recording, how sure Whisper is of it.

    ``probability`` (0..1) is None where nobody said, as in a TextGrid of other hands.
    """

    word: str
    start_s: float
    end_s: float
    probability: float | None = None


def join_elisions(words: list[Word]) -> list[Word]:
    """Join what is written together: `` j`` and ``'habite`` become `` j'habite``.

    Whisper's own words begin with a space where a written word begins. Joined,
    the words are those of ``text.split()``, and as sure as the least sure part.
    """
    joined: list[Word] = []
    for word in words:
        if joined and not word.word[:1].isspace():
            before = joined[-1]
            sure = [p for p in (before.probability, word.probability) if p is not None]
            word = Word(
                before.word + word.word, before.start_s, word.end_s, min(sure, default=None)
            )
            joined.pop()
        joined.append(word)
    return joined


def tidy_words(words: list[Word], duration_s: float) -> tuple[list[Word], int]:
    """Strip words, put them in order without overlap inside 0..duration; and how many were moved.

    Whisper's times may overlap by a step of 20 ms, coincide, or pass the end. A word keeps its
    times (rounded to the microsecond) where it can; else it begins where the one before ends, and
    at the end of the recording words give way backwards. None has length 0.
    """
    if not words:
        return [], 0
    shortest = min(MIN_WORD_S, duration_s / (2 * len(words)))
    ordered = sorted(words, key=lambda word: word.start_s)
    times: list[list[float]] = []
    floor = 0.0
    for word in ordered:
        start = max(round(float(word.start_s), 6), floor)
        floor = max(round(float(word.end_s), 6), start + shortest)
        times.append([start, floor])
    ceiling = duration_s
    for pair in reversed(times):
        pair[1] = min(pair[1], ceiling)
        pair[0] = ceiling = min(pair[0], pair[1] - shortest)
    tidy = [
        word._replace(
            word=word.word.strip(),
            start_s=max(0.0, round(start, 6)),
            end_s=min(round(end, 6), duration_s),
        )
        for word, (start, end) in zip(ordered, times, strict=True)
    ]
    assert all(a.end_s <= b.start_s for a, b in pairwise(tidy))
    n_moved = sum(
        abs(a.start_s - b.start_s) > 2e-6 or abs(a.end_s - b.end_s) > 2e-6
        for a, b in zip(ordered, tidy, strict=True)
    )
    return tidy, n_moved


def word_places(text: str, words: Sequence[Word]) -> dict[int, tuple[int, int]]:
    """Where in a text each word stands: first character and the one after the last, by index.

    What stands alone without a letter or digit (" ? ") is no word. From the
    first word on that is not where it should be, no place is known.
    """
    places: dict[int, tuple[int, int]] = {}
    position = 0
    for index, word in enumerate(words):
        start = text.find(word.word, position)
        if start < 0 or any(map(str.isalnum, text[position:start])):
            break
        position = start + len(word.word)
        places[index] = (start, position)
    return places


def without_repetition(parts: list[Any]) -> tuple[list[Any], list[str]]:
    """Leave out decoded windows whose text repeats itself: Whisper does so where it is lost."""
    kept = [part for part in parts if part.compression_ratio <= COMPRESSION_THRESHOLD]
    lost = Counter(part.seek for part in parts) - Counter(part.seek for part in kept)
    told = f"the text of {len(lost)} window(s) repeated itself and was left out"
    return kept, [told] if lost else []
