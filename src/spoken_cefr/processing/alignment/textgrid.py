"""TextGrid files: the one place that reads and writes them, and that knows praatio.

`read_intervals` takes what Praat, ELAN and WebMAUS write and raises on anything
doubtful; `check_order` refuses overlaps, `snap` mends tiny ones, on demand only;
`write_textgrid` writes, by praatio, what Praat and ELAN open: UTF-8, long form, one
tier whose intervals cover the whole recording.

Reading is ours, by Praat's own rule: only texts in quotes, free-standing numbers and
flags in angle brackets count, in the order of the format; field names and comments do
not. praatio's reader goes by field names and line breaks: it takes labels for fields, stops
in silence where a file is cut, and cannot read the exponents that its writer writes.
"""

import codecs
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from praatio import textgrid
from praatio.utilities.constants import INTERVAL_TIER, POINT_TIER, TextgridFormats
from praatio.utilities.errors import PraatioException

from spoken_cefr.errors import InputError
from spoken_cefr.processing.transcription.words import Word
from spoken_cefr.store import replacing

TIER = "words"
SNAP_S = 1e-3  # overlaps below this are rounding, not disagreement

# Praat's manual, "TextGrid file formats". A quote that is left over is of a text that was cut.
_VALUE = re.compile(
    r"""
    "(?P<text>(?:[^"]|"")*)"
    | (?P<cut>")
    | <(?P<flag>\w+)>
    | (?:^|(?<=\s))!.*$  # a comment
    | (?:^|(?<=[\s=]))(?P<number>[-+]?[\d.][\d.eE+-]*)(?=\s|\Z)
    """,
    re.VERBOSE | re.MULTILINE,
)
# praatio writes 0.000002 as 2e-06, which its own reader refuses.
_EXPONENT = re.compile(r"^( *xm(?:in|ax) = )(\d[\d.]*e-\d+)", re.MULTILINE)
_SIZES = {INTERVAL_TIER: 2, POINT_TIER: 1}  # numbers before each label


class _Tier(NamedTuple):
    name: str
    kind: str
    entries: list[tuple[float, ...]]  # the times of an interval or a point
    labels: list[str]


def write_textgrid(path: Path, words: list[Word], *, duration_s: float) -> None:
    """Write words as a TextGrid; the silences between them are empty intervals.

    ValueError, which names the file, unless they are in order, without overlap, inside
    0..duration_s and each longer than 0 s.
    """
    intervals = [(word.start_s, word.end_s, word.word) for word in words]
    try:
        # One blank interval makes a valid tier of a recording without a word.
        tier = textgrid.IntervalTier(TIER, intervals or [(0, duration_s, "")], 0, duration_s)
        grid = textgrid.Textgrid(0, duration_s)
        grid.addTier(tier)
        with replacing(path) as temporary:
            grid.save(str(temporary), TextgridFormats.LONG_TEXTGRID, includeBlankSpaces=True)
            plain = _EXPONENT.sub(
                lambda found: found[1] + format(Decimal(found[2]), "f"),
                temporary.read_text(encoding="utf-8"),
            )
            temporary.write_text(plain, encoding="utf-8")
    except PraatioException as error:
        raise ValueError(f"{path}: {error}") from None


def read_intervals(path: Path | str, *, tier: str = TIER) -> list[Word]:
    """Read the labelled intervals of one tier as they stand in the file; empty ones are left out.

    Praat's long and short forms, in UTF-8 or UTF-16 (which needs its byte order mark). Of two
    tiers with one name this is the first. InputError, which names file and tier, if there is no
    such tier of intervals. Order and overlap are for `check_order`.
    """
    path = Path(path)
    where = f"{path} (tier {tier!r})"
    if not path.is_file():
        raise InputError(f"{path} is missing")
    tiers = _parse(_decode(path.read_bytes(), where), where)
    found = next((one for one in tiers if one.name == tier), None)
    if found is None:
        names = ", ".join(repr(one.name) for one in tiers) or "none"
        raise InputError(f"{path} has no tier {tier!r}; its tiers: {names}")
    if found.kind != INTERVAL_TIER:
        raise InputError(f"{where} holds points; intervals are needed")
    pairs = zip(found.entries, found.labels, strict=True)
    return [Word(label, start, end) for (start, end), label in pairs if label]


def check_order(words: list[Word], *, where: str) -> None:
    """InputError unless every word is longer than 0 s and begins after the one before has ended."""
    for word in words:
        if not word.end_s > word.start_s:
            raise InputError(f"{where} is not a valid TextGrid: {_told(word)} has no length")
    for before, after in pairwise(words):
        if after.start_s < before.end_s:
            raise InputError(
                f"{where} is not a valid TextGrid: {_told(before)} and {_told(after)} overlap "
                f"by {before.end_s - after.start_s:.3g} s"
            )


def snap(words: list[Word]) -> list[Word]:
    """Mend overlaps below `SNAP_S`: the earlier word ends where the next begins.

    Larger ones stay, for `check_order` to name; so do those that would leave a word no length.
    """
    mended = list(words)
    for index, (before, after) in enumerate(pairwise(words)):
        overlap_s = before.end_s - after.start_s
        if 0 < overlap_s < SNAP_S and after.start_s > before.start_s:
            mended[index] = before._replace(end_s=after.start_s)
    return mended


def _decode(data: bytes, where: str) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{where} is neither UTF-8 nor UTF-16: convert it") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse(text: str, where: str) -> list[_Tier]:
    """All tiers of a file whose values are exactly those that it announces."""
    values = _values(text)
    try:
        tiers = list(_tiers(values))
        if next(values, None) is not None:
            raise ValueError("more values than announced")
    except (StopIteration, RuntimeError, ValueError, LookupError):
        raise InputError(
            f"{where} is not a valid TextGrid: it is cut short or is something else"
        ) from None
    if any(time_s < 0 for tier in tiers for entry in tier.entries for time_s in entry):
        raise InputError(f"{where} is not a valid TextGrid for a recording: a time is below 0 s")
    return tiers


def _values(text: str) -> Iterator[tuple[str, str]]:
    """Kind (text, number, flag, cut) and content of all that counts in a file."""
    for found in _VALUE.finditer(text):
        if found.lastgroup is not None:
            yield found.lastgroup, found.group(found.lastgroup)


def _tiers(values: Iterator[tuple[str, str]]) -> Iterator[_Tier]:
    def take(kind: str) -> str:
        found, value = next(values)
        if found != kind:
            raise ValueError(f"{found} where {kind} is due")
        return value

    if not take("text").startswith("ooTextFile") or take("text") != "TextGrid":
        raise ValueError("another kind of file")
    float(take("number")), float(take("number"))  # the recording's start and end
    n_tiers = int(take("number")) if take("flag") == "exists" else 0
    for _ in range(n_tiers):
        kind, name = take("text"), take("text").replace('""', '"')
        n_times = _SIZES[kind]
        float(take("number")), float(take("number"))
        entries, labels = [], []
        for _ in range(int(take("number"))):
            entries.append(tuple(float(take("number")) for _ in range(n_times)))
            labels.append(take("text").replace('""', '"').strip())
        yield _Tier(name, kind, entries, labels)


def _told(word: Word) -> str:
    return f"{word.word!r} ({word.start_s:.10g}-{word.end_s:.10g} s)"
