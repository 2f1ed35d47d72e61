"""The level of written sentences: measures, word vectors and TF-IDF under one roof.

This is the text side at full strength on sentences, for the check against labels by
people (`benchmarks/text_level.py`). It knows sources as well as levels: punctuation and
spelling count. The model that goes on to transcripts is `prediction.text_model`.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from spacy.tokens import Doc

from spoken_cefr.neural_networks.lexis import is_content_word, is_word, token_zipf
from spoken_cefr.neural_networks.measures import text_measures

PARTS = ("measures", "vectors", "tfidf")
TAGS = ("NOUN", "VERB", "ADJ", "ADV", "PRON", "DET", "ADP", "PROPN", "SCONJ", "CCONJ", "AUX",
        "NUM", "PUNCT", "INTJ")  # fmt: skip
SIGNS = ("’", "'", "«", '"', ";", ":", "(", " !", " ?", "?", "!", "\xa0", "…", "...", " - ", "–")
WORD_OR_SIGN = r"\w+|[^\w\s]"
CLIP = 4.0  # standard deviations
# A row of TF-IDF has length 1. These bring the dense columns to about the same weight.
MEASURES_SCALE, VECTORS_SCALE = 0.1, 0.02
N_COMPONENTS, N_COMPONENTS_TREES = 150, 30
NEARNESS = 0.05


def sentence_measures(doc: Doc) -> np.ndarray:
    """`text_measures`, and what is more telling in one sentence than means are.

    Extremes of the words' frequencies, shares of the parts of speech, depth of the
    tree, length, signs. In one sentence length is a part of its level; over a recording
    it would be the duration (see `measures`), so these columns stay out of it.

    Returns
    -------
    np.ndarray, shape (n_columns,), float64
        NaN where undefined.
    """
    words = [token for token in doc if is_word(token)]
    n_words, n_tokens = max(1, len(words)), max(1, len(doc))
    content = [token_zipf(token) for token in words if is_content_word(token)]
    lengths = [len(token.text) for token in words] or [0]
    distances = [abs(token.i - token.head.i) for token in doc] or [0]
    depths = [_depth(token) for token in doc] or [0]
    tags = [token.pos_ for token in doc]
    text = doc.text
    return np.array(
        [
            *text_measures(doc).values(),
            *_extremes(content),
            *_extremes([token_zipf(token) for token in words]),
            *(tags.count(tag) / n_tokens for tag in TAGS),
            *(sum(length > longer for length in lengths) / n_words for longer in (6, 9)),
            max(lengths),
            max(depths),
            np.mean(depths),
            max(distances),
            np.mean(distances),
            len({token.lower_ for token in words}) / n_words,
            np.log1p(n_words),
            np.log1p(len(text)),
            text.count(",") / n_words,
            text[:1].isupper(),
            text[-1:] in ".!?",
            any(map(str.isdigit, text)),
            sum(1 for _ in doc.sents),
            *(sign in text for sign in SIGNS),
        ],
        dtype=np.float64,
    )


def sentence_vector(doc: Doc) -> np.ndarray:
    """Mean, maximum and standard deviation of the vectors of the words. -> (900,) float32"""
    vectors = np.array([token.vector for token in doc if token.is_alpha and token.has_vector])
    if not len(vectors):
        return np.zeros(3 * doc.vocab.vectors_length, dtype=np.float32)
    return np.concatenate([vectors.mean(axis=0), vectors.max(axis=0), vectors.std(axis=0)])


class TextLevel:
    """Mean of a linear model, trees and a kernel machine, each on the chosen parts.

    Parameters
    ----------
    parts : sequence of str
        Some of `PARTS`.
    seed : int
    """

    def __init__(self, parts: Sequence[str] = PARTS, *, seed: int = 0) -> None:
        unknown = sorted(set(parts) - set(PARTS))
        if unknown or not parts:
            raise ValueError(f"parts are {list(parts)}; choose some of {', '.join(PARTS)}")
        self.parts = tuple(parts)
        self.seed = seed

    def fit(
        self, texts: Sequence[str], measures: np.ndarray, vectors: np.ndarray, codes: np.ndarray
    ) -> "TextLevel":
        """Learn from texts with their `sentence_measures` and `sentence_vector`, one row each."""
        self._medians = np.nanmedian(measures, axis=0)
        self._measures_scaler = StandardScaler().fit(self._filled(measures))
        self._vectors_scaler = StandardScaler().fit(vectors)
        self._pca = PCA(min(N_COMPONENTS, len(texts) - 1), random_state=self.seed)
        self._pca.fit(self._vectors_scaler.transform(vectors))
        self._tfidf = [
            TfidfVectorizer(
                sublinear_tf=True, ngram_range=(1, 2), token_pattern=WORD_OR_SIGN, min_df=2
            ).fit(texts),
            TfidfVectorizer(
                sublinear_tf=True, ngram_range=(2, 5), analyzer="char_wb", min_df=3
            ).fit(texts),
        ]
        self._members = [LogisticRegression(C=5.0, max_iter=500, tol=1e-3)]
        if self.parts != ("tfidf",):
            self._members += [
                ExtraTreesClassifier(
                    400, min_samples_leaf=3, max_features=0.4, random_state=self.seed
                ),
                SVC(C=2.0, gamma="scale", probability=True, random_state=self.seed),
            ]
        columns = self._columns(texts, measures, vectors)
        for member, inputs in zip(self._members, columns, strict=False):
            member.fit(inputs, codes)
        return self

    def predict_proba(
        self, texts: Sequence[str], measures: np.ndarray, vectors: np.ndarray
    ) -> np.ndarray:
        """Probability of each class. -> (n, n_classes), float64, rows add up to 1."""
        columns = self._columns(texts, measures, vectors)
        answers = [m.predict_proba(x) for m, x in zip(self._members, columns, strict=False)]
        return np.mean(answers, axis=0)

    def predict(
        self, texts: Sequence[str], measures: np.ndarray, vectors: np.ndarray
    ) -> np.ndarray:
        """Class of each text. -> (n,), int64

        The likeliest class, but of two that are about as likely the one nearer to the
        mean level: log p_k - `NEARNESS` (k - mean)^2 decides.
        """
        p = self.predict_proba(texts, measures, vectors)
        codes = np.arange(p.shape[1])
        distances = codes - (p @ codes)[:, None]
        return (np.log(p + 1e-12) - NEARNESS * distances**2).argmax(axis=1)

    def _columns(self, texts: Sequence[str], measures: np.ndarray, vectors: np.ndarray) -> tuple:
        """What the linear model, the trees and the kernel machine look at."""
        scaled = self._measures_scaler.transform(self._filled(measures)).clip(-CLIP, CLIP)
        reduced = self._pca.transform(self._vectors_scaler.transform(vectors))
        sparse, trees, kernel = [], [], []
        if "tfidf" in self.parts:
            sparse += [vectorizer.transform(texts) for vectorizer in self._tfidf]
        if "measures" in self.parts:
            sparse.append(csr_matrix(MEASURES_SCALE * scaled))
            trees.append(self._filled(measures))
            kernel.append(scaled)
        if "vectors" in self.parts:
            sparse.append(csr_matrix(VECTORS_SCALE * reduced))
            trees.append(reduced[:, :N_COMPONENTS_TREES])
            kernel.append(reduced / 3)
        if not trees:
            return (hstack(sparse).tocsr(),)
        return hstack(sparse).tocsr(), np.hstack(trees), np.hstack(kernel)

    def _filled(self, measures: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(measures), measures, self._medians)


def _extremes(zipfs: list[float]) -> list[float]:
    """Of the words' frequencies: mean, least, mean of the three least, quartile, shares, spread."""
    if not zipfs:
        return [np.nan] * 8
    rarest = np.sort(zipfs)
    shares = [float((rarest < below).mean()) for below in (3, 4, 5)]
    quartile = np.quantile(rarest, 0.25)
    return [rarest.mean(), rarest[0], rarest[:3].mean(), quartile, *shares, rarest.std()]


def _depth(token) -> int:
    """Dependencies between a token and the root of its sentence."""
    depth = 0
    while token.head != token:
        token, depth = token.head, depth + 1
    return depth
