"""What the page says, in French and in English; the sentences are in ``texts.toml``."""

import re
import tomllib
from pathlib import Path

from spoken_cefr.corpus.languages import LANGUAGES
from spoken_cefr.page.uploads import MAX_FILES, MAX_UPLOAD_MB
from spoken_cefr.prediction.verdict import INTERVAL, MIN_WORDS
from spoken_cefr.processing.transcription.spoken_language import english_name

CHOICES: tuple[tuple[str, str], ...] = (("Français", "fr"), ("English", "en"))
TEXTS = tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))
FACTS = {
    "max_mb": MAX_UPLOAD_MB,
    "max_files": MAX_FILES,
    "min_words": MIN_WORDS,
    "interval": f"{INTERVAL:.0%}",
}


def text(key: str, language: str, **facts: object) -> str:
    """One text in one language ("fr" or "en")."""
    return TEXTS[language][key].format(**FACTS, **facts)


def error(message: str, language: str) -> str:
    """The sentence of an `InputError` about a recording; every one has some French."""
    if language == "en":
        return message
    return _in_french("errors", message) or text("other_error", "fr")


def remark(sentence: str, language: str) -> str:
    """What a model or a transcript says of itself; in English where it has no French."""
    return (language == "fr" and _in_french("remarks", sentence)) or sentence


def _in_french(table: str, sentence: str) -> str | None:
    for pattern, french in TEXTS[table].items():
        if found := re.search(pattern, sentence):
            return french.format(*found.groups())
    return None


def language_name(code: str, language: str) -> str:
    """The name of a spoken language, or its code where it has none."""
    if language == "fr":
        return next((row.name.lower() for row in LANGUAGES if row.whisper == code), code)
    return english_name(code)
