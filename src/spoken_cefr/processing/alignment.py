"""Word times: which aligner gives them, and TextGrid files that hold them.

Praat and ELAN open what `write_textgrid` writes (UTF-8, long form, one tier
whose intervals cover the whole recording). praatio stays behind the reader and
the writer of this module.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from praatio import textgrid
from praatio.utilities.constants import TextgridFormats
from praatio.utilities.errors import PraatioException

from spoken_cefr.errors import InputError
from spoken_cefr.files import replacing
from spoken_cefr.processing.transcription import Transcript, Word

TIER = "words"

Aligner = Callable[[np.ndarray, Transcript], list[Word]]


def whisper_words(signal: np.ndarray, transcript: Transcript) -> list[Word]:
    """The times that came with the transcript (from Whisper's cross-attention)."""
    return transcript.words


# `processing.aligner` chooses; the key is also the `source` of each row of words.parquet.
ALIGNERS: dict[str, Aligner] = {"whisper": whisper_words}


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
    order mark.

    Raises
    ------
    InputError
        If the file is missing, in another encoding, damaged, has no such
        interval tier, or its intervals overlap; the message names file and tier.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is missing")
    try:
        grid = textgrid.openTextgrid(
            str(path), includeEmptyIntervals=False, duplicateNamesMode="rename"
        )
    except UnicodeError:
        raise InputError(
            f"{path} (tier {tier!r}) is neither UTF-8 nor UTF-16: convert it"
        ) from None
    # On files that are cut or are no TextGrid praatio also raises what says nothing to a reader.
    except (LookupError, TypeError, AttributeError):
        raise InputError(
            f"{path} (tier {tier!r}) is not a valid TextGrid: it is cut short or is something else"
        ) from None
    except (PraatioException, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} (tier {tier!r}) is not a valid TextGrid: {reason}") from None
    if tier not in grid.tierNames:
        found = ", ".join(map(repr, grid.tierNames)) or "none"
        raise InputError(f"{path} has no tier {tier!r}; its tiers: {found}")
    chosen = grid.getTier(tier)
    if not isinstance(chosen, textgrid.IntervalTier):
        raise InputError(f"{path} (tier {tier!r}) holds points; intervals are needed")
    return [Word(entry.label, float(entry.start), float(entry.end)) for entry in chosen.entries]
