"""TextGrid files: the one place that reads and writes them, and that knows praatio.

`read_textgrid` takes what Praat, ELAN and WebMAUS write and raises on anything
doubtful; `snap` mends tiny overlaps, on demand only; `write_textgrid` writes
what Praat and ELAN open: UTF-8, long form, one tier whose intervals cover the
whole recording.
"""

import codecs
import re
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Any

from praatio import textgrid
from praatio.utilities.constants import INTERVAL_TIER, TextgridFormats
from praatio.utilities.errors import PraatioException
from praatio.utilities.textgrid_io import parseTextgridStr

from spoken_cefr.errors import InputError
from spoken_cefr.processing.transcription.words import Word
from spoken_cefr.store import replacing

TIER = "words"
SNAP_S = 1e-3  # overlaps below this are rounding, not disagreement

_STRING = re.compile(r'"(?:[^"]|"")*"')
_EXPONENT = re.compile(r'"(?:[^"]|"")*"|\b\d[\d.]*[eE][-+]?\d+\b')
_NEGATIVE = re.compile(r"(?:^|=)[ \t]*-[ \t]*(?=[\d.]*[1-9])", re.MULTILINE)


def write_textgrid(path: Path, words: list[Word], *, duration_s: float) -> None:
    """Write words as a TextGrid; the silences between them are empty intervals.

    Parameters
    ----------
    words : list of Word
        In order, without overlap, inside 0..duration_s, each longer than 0 s.
    duration_s : float > 0
        Of the whole recording.

    Raises
    ------
    ValueError
        If the words are not as said; the message names the file.
    """
    intervals = [(word.start_s, word.end_s, word.word) for word in words]
    try:
        # One blank interval makes a valid tier of a recording without a word.
        tier = textgrid.IntervalTier(TIER, intervals or [(0, duration_s, "")], 0, duration_s)
        grid = textgrid.Textgrid(0, duration_s)
        grid.addTier(tier)
        with replacing(path) as temporary:
            grid.save(str(temporary), TextgridFormats.LONG_TEXTGRID, includeBlankSpaces=True)
    except PraatioException as error:
        raise ValueError(f"{path}: {error}") from None


def read_textgrid(path: Path | str, *, tier: str = TIER) -> list[Word]:
    """Read the labelled intervals of one tier; empty ones are left out.

    Praat's long and short forms, in UTF-8 or UTF-16, with or without byte
    order mark (UTF-16 needs it). Of two tiers with one name this is the first;
    the second one goes by the name with ``_2``.

    Raises
    ------
    InputError
        If the file is missing, in another encoding, damaged, has no such
        interval tier, or its intervals overlap; the message names file and tier.
    """
    words = read_intervals(path, tier=tier)
    check_order(words, where=f"{path} (tier {tier!r})")
    return words


def read_intervals(path: Path | str, *, tier: str = TIER) -> list[Word]:
    """As `read_textgrid`, but as they stand in the file: order and overlap are not checked."""
    path = Path(path)
    where = f"{path} (tier {tier!r})"
    if not path.is_file():
        raise InputError(f"{path} is missing")
    text = _decode(path.read_bytes(), where)
    tiers = dict(zip(*_named(_parse(text, where)), strict=True))
    if tier not in tiers:
        found = ", ".join(map(repr, tiers)) or "none"
        raise InputError(f"{path} has no tier {tier!r}; its tiers: {found}")
    if tiers[tier]["class"] != INTERVAL_TIER:
        raise InputError(f"{where} holds points; intervals are needed")
    entries = tiers[tier]["entries"]
    try:
        return [Word(label, float(start), float(end)) for start, end, label in entries if label]
    except ValueError:
        raise InputError(f"{where} is not a valid TextGrid: a time is not a number") from None


def check_order(words: list[Word], *, where: str) -> None:
    """Pass if every word is longer than 0 s and begins after the one before has ended.

    Raises
    ------
    InputError
        Otherwise; the message begins with ``where`` and names the intervals.
    """
    for word in words:
        if not word.end_s > word.start_s:
            raise InputError(f"{where} is not a valid TextGrid: {_told(word)} has no length")
    for before, after in pairwise(words):
        if after.start_s < before.end_s:
            raise InputError(
                f"{where} is not a valid TextGrid: {_told(before)} and {_told(after)} overlap "
                f"by {before.end_s - after.start_s:.3g} s"
            )


def snap(words: list[Word], *, tolerance_s: float = SNAP_S) -> list[Word]:
    """Mend overlaps below ``tolerance_s`` seconds: the earlier word ends where the next begins.

    Larger ones stay, for `check_order` to name; so do those that would leave a
    word without length.
    """
    mended = list(words)
    for index, (before, after) in enumerate(pairwise(words)):
        overlap_s = before.end_s - after.start_s
        if 0 < overlap_s < tolerance_s and after.start_s > before.start_s:
            mended[index] = before._replace(end_s=after.start_s)
    return mended


def _decode(data: bytes, where: str) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{where} is neither UTF-8 nor UTF-16: convert it") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse(text: str, where: str) -> list[dict[str, Any]]:
    """praatio's tiers, after checking that none was cut and no time lost its sign."""
    bare = _STRING.sub('""', text)  # labels may hold anything, also what looks like a field
    try:
        tiers = parseTextgridStr(_without_exponents(text), includeEmptyIntervals=True)["tiers"]
        if not _is_whole(bare, tiers):
            raise LookupError
    # On files that are cut or are no TextGrid praatio also raises what says nothing to a reader.
    except (
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
        InvalidOperation,
        PraatioException,
    ):
        raise InputError(
            f"{where} is not a valid TextGrid: it is cut short or is something else"
        ) from None
    if _NEGATIVE.search(bare):
        raise InputError(f"{where} is not a valid TextGrid for a recording: a time is below 0 s")
    return tiers


def _without_exponents(text: str) -> str:
    """``2e-06`` becomes ``0.000002``: praatio writes the one and reads only the other."""

    def decimal(match: re.Match[str]) -> str:
        found = match.group()
        return found if found[0] == '"' else format(Decimal(found), "f")

    return _EXPONENT.sub(decimal, text)


def _is_whole(bare: str, tiers: list[dict[str, Any]]) -> bool:
    """Whether each tier has as many entries as the file announces.

    praatio stops in silence where a file is cut between two intervals.

    Parameters
    ----------
    bare : str
        The file with every string emptied.
    """
    if '"' in bare.replace('""', ""):
        return False  # cut inside a label
    counts = [len(tier["entries"]) for tier in tiers]
    if re.search(r"\bsize\s*=", bare):  # long form
        return list(map(int, re.findall(r"\bsize\s*=\s*(\d+)", bare))) == [len(tiers), *counts]
    lines = bare.split()
    position = lines.index("<exists>") + 1
    announced = [int(lines[position])]
    position += 1
    for tier in tiers:  # class, name, xmin, xmax, size; then 3 lines an interval, 2 a point
        announced.append(int(lines[position + 4]))
        position += 5 + announced[-1] * (3 if tier["class"] == INTERVAL_TIER else 2)
    return announced == [len(tiers), *counts] and position == len(lines)


def _named(tiers: list[dict[str, Any]]) -> tuple[list[str], list[dict[str, Any]]]:
    """Names of the tiers, the second of one name with ``_2`` and so on, and the tiers."""
    names: list[str] = []
    for tier in tiers:
        name, number = tier["name"], 2
        while name in names:
            name, number = f"{tier['name']}_{number}", number + 1
        names.append(name)
    return names, tiers


def _told(word: Word) -> str:
    return f"{word.word!r} ({word.start_s:.10g}-{word.end_s:.10g} s)"
