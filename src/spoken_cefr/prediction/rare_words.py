"""Where the rare words of a transcript are said, and where any word stands in the text."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from spacy.tokens import Doc

from spoken_cefr.measures import lexis
from spoken_cefr.processing.transcription.words import Word


@dataclass
class RareWord:
    """A word that learners may not know.

    Parameters
    ----------
    zipf : float or None
        Frequency on the Zipf scale (see `lexis`); None for a word that is in no
        list, which often is one that was heard wrongly.
    word_indices : list of int
        Which of the recording's words it is.
    """

    word: str
    zipf: float | None
    word_indices: list[int] = field(default_factory=list)


def find_rare_words(doc: Doc, words: Sequence[Word]) -> list[RareWord]:
    """The words that `lexis.rare_words` finds, each form once, rarest first.

    Parameters
    ----------
    doc : Doc
        Of the whole text.
    words : sequence of Word
        Of the same text, split at white space.
    """
    places = word_places(doc.text, words)
    index_of = {i: index for index, place in places.items() for i in range(*place)}
    found: dict[str, RareWord] = {}
    for rare in lexis.rare_words(doc):
        form = rare.word.lower()
        zipf = rare.zipf if rare.zipf > lexis.MIN_ZIPF else None
        row = found.setdefault(form, RareWord(form, zipf))
        index = index_of.get(rare.offset)
        if index is not None:
            row.word_indices.append(index)
    return sorted(found.values(), key=lambda row: (row.zipf or 0.0, row.word))


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
