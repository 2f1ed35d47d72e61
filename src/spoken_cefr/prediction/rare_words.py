"""The rare words of a transcript, and where each of them is said."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from spacy.tokens import Doc

from spoken_cefr.neural_networks.lexis import RARE_ZIPF, is_content_word, token_zipf
from spoken_cefr.processing.words import Word

@dataclass
class RareWord:
    """A word that learners may not know.

    Parameters
    ----------
    zipf : float
        Frequency on the Zipf scale; 0 for a word that is in no list, which is
        often one that was heard wrongly.
    word_indices : list of int
        Which of the recording's words they are.
    """

    word: str
    zipf: float
    word_indices: list[int] = field(default_factory=list)


def find_rare_words(doc: Doc, words: Sequence[Word]) -> list[RareWord]:
    """The content words below `lexis.RARE_ZIPF`, rarest first; names and numbers are left out.

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
    for token in doc:
        if not is_content_word(token) or (zipf := token_zipf(token)) >= RARE_ZIPF:
            continue
        rare = found.setdefault(token.lower_, RareWord(token.lower_, zipf))
        index = index_of.get(token.idx)
        if index is not None:
            rare.word_indices.append(index)
    return sorted(found.values(), key=lambda rare: (rare.zipf, rare.word))


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
