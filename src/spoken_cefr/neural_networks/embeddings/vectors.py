"""The vectors that a spaCy package has of words: of a text, their mean."""

import numpy as np
from spacy.tokens import Doc

from spoken_cefr.measures.lexis import DOUBTFUL


def mean_vector(doc: Doc) -> np.ndarray:
    """Mean of the vectors of a text's words that are not doubtful, shape (d,), or zeros."""
    sure = [token for token in doc if token.ent_type_ != DOUBTFUL]
    known = [token.vector for token in sure if token.has_vector and token.is_alpha]
    size = doc.vocab.vectors_length
    return np.mean(known, axis=0) if known else np.zeros(size, dtype=np.float32)
