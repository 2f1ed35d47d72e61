"""The transcript as HTML: which words are uncommon, and which may be misheard.

A word that may be misheard is underlined with dots, and tells how sure Whisper is of it where a
mouse rests on it; beside an uncommon word stands its frequency. Neither is told by colour alone.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

from spoken_cefr.page.sentences import Result
from spoken_cefr.page.wording import text

UNKNOWN = "?"  # stands for the frequency of a word that no list has


def transcript_html(result: Result, language: str) -> str:
    """The legend, then the words of a result; what was said is escaped."""
    frequencies = {
        index: UNKNOWN if row["zipf"] is None else str(row["zipf"])
        for row in result["rare_words"]
        for index in row["word_indices"]
    }
    words = [
        _uncommon(_word(word, language), frequencies.get(index))
        for index, word in enumerate(result["words"])
    ]
    legend = escape(text("transcript_hint", language))
    if any(word["doubtful"] for word in result["words"]):
        sample = f"<u>{escape(text('doubtful_sign', language))}</u>"
        legend += f" {sample} {escape(text('doubtful_hint', language))}"
    return f"<p>{legend}</p>\n<p>{' '.join(words)}</p>"


def _word(word: Mapping[str, Any], language: str) -> str:
    """A word, underlined where it may be misheard."""
    said = escape(word["word"])
    if not word["doubtful"]:
        return said
    if word["probability"] is None:
        told = text("misheard", language)
    else:
        told = text("misheard_sure", language, percent=f"{100 * word['probability']:.0f}")
    return f'<u title="{escape(told)}">{said}</u>'


def _uncommon(said: str, frequency: str | None) -> str:
    """What stands for a word, with its frequency where it is uncommon."""
    if frequency is None:
        return said
    kind = ' class="unknown"' if frequency == UNKNOWN else ""
    return f"<mark{kind}>{said} <small>{escape(frequency)}</small></mark>"
