"""The vectors that a spaCy package has of words: of a text, their mean."""

from __future__ import annotations  # spaCy is only named here: its import takes 1.5 s

from typing import TYPE_CHECKING

import numpy as np

from spoken_cefr.measures.lexis import DOUBTFUL

if TYPE_CHECKING:
    from spacy.tokens import Doc


def mean_vector(doc: Doc) -> np.ndarray:
    """Mean of the vectors of a text's words that are not doubtful, shape (d,), or zeros."""
    sure = [token for token in doc if token.ent_type_ != DOUBTFUL]
    known = [token.vector for token in sure if token.has_vector and token.is_alpha]
    size = doc.vocab.vectors_length
    return np.mean(known, axis=0) if known else np.zeros(size, dtype=np.float32)
