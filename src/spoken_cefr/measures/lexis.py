"""How common, varied, long and dense the words of a text are.

Frequencies are on the Zipf scale: log10 of the occurrences in a billion words,
about 7 for "de", 4 for a word of the everyday, below 3 for a rare one. Van Heuven,
Mandera, Keuleers & Brysbaert (2014), "SUBTLEX-UK", Quarterly Journal of Experimental
Psychology 67; the lists are those of wordfreq (Speer, 2022).
"""

from __future__ import annotations  # spaCy is only named here: its import takes 1.5 s

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from wordfreq import zipf_frequency

from spoken_cefr.corpus.languages import find_language
from spoken_cefr.measures.pipeline import language_of
from spoken_cefr.measures.syllables import syllables_of

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

MIN_ZIPF = 1.0  # the list ends here; a word that it lacks counts as its rarest
UNKNOWN_ZIPF = 1.5  # below it the list holds more names and slips of the pen than words
UNCOMMON_ZIPF = 4.0  # less than 10 times in a million words
RARE_ZIPF = 3.0  # less than once in a million words
# Words of the moving window of the type-token ratio. Few, so that 15 s of slow speech fill it:
# with 50, most crops and many A1 recordings had no value, and were given that of other levels.
WINDOW = 20
CONTENT_TAGS = frozenset({"NOUN", "VERB", "ADJ", "ADV"})
DOUBTFUL = "DOUBTFUL"  # type of the entities that stand for words which may be misheard


class RareWord(NamedTuple):
    """An uncommon word and where it stands.

    ``offset`` is the index of its first character in the text.
    """

    word: str
    lemma: str
    zipf: float
    offset: int


def lexis_measures(doc: Doc) -> dict[str, float]:
    """Measures of the words of a parsed text, but for those that `doubt` has marked.

    ``zipf`` the mean over content words, ``uncommon_share`` and ``rare_share`` of the
    content words below Zipf 4 and 3, ``type_token_ratio`` over 20 words at a time (NaN
    for a shorter text), ``word_letters`` and ``word_syllables`` the means over words,
    ``lexical_density`` the share of words that are content words or names. NaN
    where there is no word to count.
    """
    words = [token for token in doc if is_word(token) and token.ent_type_ != DOUBTFUL]
    zipfs = np.array([token_zipf(token) for token in words if is_content_word(token)])
    # An elided word (l', qu') is said and written as a part of the next one.
    whole = [token.text for token in words if not token.text.endswith("'")]
    lexical = [is_content_word(token) or token.pos_ == "PROPN" for token in words]
    return {
        "zipf": _mean(zipfs),
        "uncommon_share": _mean(zipfs < UNCOMMON_ZIPF),
        "rare_share": _mean(zipfs < RARE_ZIPF),
        "type_token_ratio": moving_type_token_ratio([_plain(token.lower_) for token in words]),
        "word_letters": _mean([sum(map(str.isalpha, word)) for word in whole]),
        "word_syllables": _mean([syllables_of(word, language_of(doc)) for word in whole]),
        "lexical_density": _mean(lexical),
    }


def moving_type_token_ratio(words: list[str], *, window: int = WINDOW) -> float:
    """Share of different words, averaged over all windows of so many words (MATTR).

    Unlike the ratio over the whole text it does not fall with length. Covington &
    McFall (2010), "Cutting the Gordian knot: the moving-average type-token ratio",
    Journal of Quantitative Linguistics 17, who leave the window's size to the purpose
    and to the shortest text. NaN for fewer words than a window.
    """
    last = len(words) - window
    return _mean([len(set(words[i : i + window])) / window for i in range(last + 1)])


def rare_words(doc: Doc, *, max_zipf: float = UNCOMMON_ZIPF) -> list[RareWord]:
    """Content words of a text that are less common than ``max_zipf``, in its order.

    Names, doubtful words and what holds a digit are left out. Of ``l'usine`` only ``usine``
    is looked at.
    """
    return [
        RareWord(token.text, _lemma(token), round(zipf, 2), token.idx)
        for token in doc
        if is_word(token) and is_content_word(token) and not _is_name(token)
        if token.ent_type_ != DOUBTFUL
        if (zipf := token_zipf(token)) < max_zipf
    ]


def is_word(token: Token) -> bool:
    """Whether a token holds a letter and no digit: no punctuation, no number in digits."""
    return any(map(str.isalpha, token.text)) and not any(map(str.isdigit, token.text))


def is_content_word(token: Token) -> bool:
    """Whether a word is a noun, full verb, adjective or adverb other than a negation."""
    return token.pos_ in CONTENT_TAGS and "Neg" not in token.morph.get("Polarity")


def token_zipf(token: Token) -> float:
    """Frequency of a token on the Zipf scale.

    The higher one of its form and its lemma: a rare form of a common verb is no
    rare word, nor is a common form whose lemma the tagger got wrong.
    """
    known = find_language(language_of(token.doc)).wordfreq
    if known is None:
        return float("nan")
    return max(_zipf(_plain(token.lower_), known), _zipf(_lemma(token).lower(), known))


def is_unknown(token: Token) -> bool:
    """Whether a content word is as good as in no list, by its form and by its lemma."""
    known = not is_word(token) or not is_content_word(token) or _is_name(token)
    return not known and token_zipf(token) <= UNKNOWN_ZIPF


@functools.lru_cache(maxsize=100_000)
def _zipf(word: str, known: str) -> float:
    return zipf_frequency(word, known, minimum=MIN_ZIPF)


def _lemma(token: Token) -> str:
    return _plain(token.lemma_ or token.lower_)


def _plain(word: str) -> str:
    """Without a hyphen at the ends (``-t``, ``-il``)."""
    return word.strip("-")


def _is_name(token: Token) -> bool:
    """Whether a word is a name: tagged so, or with a capital inside a sentence."""
    return token.pos_ == "PROPN" or (token.text[:1].isupper() and not token.is_sent_start)


def _mean(values: list | np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
