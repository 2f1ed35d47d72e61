"""Syllables in the spelling of a language: French by rules of its own, others by hyphenation."""

import functools
import re
import unicodedata

import pyphen

from spoken_cefr.corpus.languages import FRENCH, find_language
from spoken_cefr.measures.syllables import count_syllables

LETTERS = re.compile(r"[^\W\d_]+")
VOWELS = re.compile("[aeiouyøæœ]+|[аеёиоуыэюя]")  # accents are taken off first; Russian: one each
# English writes an e that nobody says: make, makes, named, but not table, wanted, houses.
MUTE = re.compile(r"(?<=[aeiouy])([bcdfgkmnprstvxz]+|[lr])e(s|d)?$")
# Two of a, e, o are two syllables in Spanish and Italian, as an accented i or u beside one is;
# their hyphenation leaves them together.
HIATUS = re.compile("(?<=[aeoáéó])(?=[aeoáéó])|(?<=[aeo])(?=[íú])|(?<=[íú])(?=[aeo])")
SAID = re.compile(r"([dt]ed|(ch|sh|[sxzcg])es)$")


def syllables_of(word: str, language: str = FRENCH) -> int:
    """Syllables of a word or a short text, 0 where the spelling of the language tells of none."""
    how = find_language(language).syllables
    if how == "rules":
        return count_syllables(word)
    if how == "characters":
        return sum("CJK UNIFIED" in unicodedata.name(sign, "") for sign in word)
    if how == "pyphen":
        return sum(_hyphenated(part.lower(), language) for part in LETTERS.findall(word))
    return 0


@functools.lru_cache(maxsize=100_000)
def _hyphenated(word: str, language: str) -> int:
    """Groups of vowels in the pieces that may stand on two lines; at least one.

    Hyphenation parts two vowels of two syllables (``Fa-mi-li-en``), and the groups count what
    it keeps together at the ends of a word (``aber``, ``amigo``).
    """
    if language == "en" and not SAID.search(word):
        word = MUTE.sub(r"\1", word)
    if language in ("es", "it"):
        word = HIATUS.sub("|", word)
    pieces = _dictionary(language).inserted(word, hyphen="|").split("|")
    return max(1, sum(len(VOWELS.findall(_without_accents(piece))) for piece in pieces))


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.replace("й", ""))
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


@functools.cache
def _dictionary(language: str) -> pyphen.Pyphen:
    return pyphen.Pyphen(lang=language, left=1, right=1)
