"""The level of written sentences: measures, word vectors and TF-IDF under one roof.

This is the text side at full strength on sentences, for the check against labels by
people (`benchmarks/text_level.py`). It knows sources as well as levels: punctuation and
spelling count. The model that goes on to transcripts is `prediction.text_model`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from spacy.tokens import Doc, Token

from spoken_cefr.neural_networks.lexis import is_content_word, is_word, token_zipf
from spoken_cefr.neural_networks.measures import text_measures
from spoken_cefr.neural_networks.surprisal import surprisal_measures, token_surprisals
from spoken_cefr.neural_networks.word_levels import WordLevels, n_summaries

PARTS = ("measures", "vectors", "tfidf")
TAGS = ("NOUN", "VERB", "ADJ", "ADV", "PRON", "DET", "ADP", "PROPN", "SCONJ", "CCONJ", "AUX",
        "NUM", "PUNCT", "INTJ")  # fmt: skip
SIGNS = ("’", "'", "«", '"', ";", ":", "(", " !", " ?", "?", "!", "\xa0", "…", "...", " - ", "–")
WORD_OR_SIGN = r"\w+|[^\w\s]"
CLIP = 4.0  # standard deviations
# A row of TF-IDF has length 1. These bring the dense columns to about the same weight.
MEASURES_SCALE, VECTORS_SCALE = 0.1, 0.02
N_COMPONENTS, N_COMPONENTS_TREES = 150, 30
NEARNESS = 0.1
MOODS_AND_TENSES = ("Sub", "Cnd", "Imp", "Fut", "Past", "Part", "Inf")
N_INNER_FOLDS = 5
N_MODELS = 3


class Sentences(NamedTuple):
    """Sentences with what the models look at; `describe` makes it.

    Parameters
    ----------
    texts : np.ndarray, shape (n,)
    measures : np.ndarray, shape (n, n_columns)
        See `sentence_measures`; then `surprisal_measures`.
    vectors : np.ndarray, shape (n, 3 d)
        See `sentence_vector`.
    words : np.ndarray of arrays, shape (n,)
        Of each sentence (n_words, d + n_facts): vectors of length 1, then `word_facts`.
    """

    texts: np.ndarray
    measures: np.ndarray
    vectors: np.ndarray
    words: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Sentences":
        """The chosen sentences."""
        return Sentences(*(column[chosen] for column in self))


def describe(docs: Sequence[Doc]) -> Sentences:
    """What the models look at in parsed sentences."""
    words = np.empty(len(docs), dtype=object)
    for row, doc in enumerate(docs):
        words[row] = _words(doc)
    texts = [doc.text for doc in docs]
    surprisals = [
        surprisal_measures(values, sum(map(is_word, doc)))
        for doc, values in zip(docs, token_surprisals(texts), strict=True)
    ]
    return Sentences(
        np.array(texts, dtype=object),
        np.hstack([np.stack([sentence_measures(doc) for doc in docs]), surprisals]),
        np.stack([sentence_vector(doc) for doc in docs]),
        words,
    )


def word_facts(token: Token) -> list[float]:
    """Frequency, length, part of speech, mood and tense, kind of clause of one word."""
    morph = str(token.morph)
    return [
        token_zipf(token) / 7,
        len(token.text) / 10,
        *(token.pos_ == tag for tag in TAGS),
        *(name in morph for name in MOODS_AND_TENSES),
        *(token.dep_.startswith(clause) for clause in ("acl", "advcl", "ccomp")),
    ]


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


class SentenceModel:
    """Mean of a linear model, random and boosted trees on the chosen parts; see `TextLevel`."""

    def __init__(self, parts: Sequence[str], *, seed: int) -> None:
        self.parts = tuple(parts)
        self.seed = seed

    def fit(self, sentences: Sentences, codes: np.ndarray) -> "SentenceModel":
        """Learn from sentences and the codes of their levels, of which none is left out."""
        self._n_classes = int(codes.max()) + 1
        known = np.isfinite(sentences.measures).any(axis=0)
        self._medians = np.zeros(sentences.measures.shape[1])
        self._medians[known] = np.nanmedian(sentences.measures[:, known], axis=0)
        self._measures_scaler = StandardScaler().fit(self._filled(sentences.measures))
        self._vectors_scaler = StandardScaler().fit(sentences.vectors)
        self._pca = PCA(min(N_COMPONENTS, len(codes) - 1), random_state=self.seed)
        self._pca.fit(self._vectors_scaler.transform(sentences.vectors))
        self._tfidf = [
            TfidfVectorizer(
                sublinear_tf=True, ngram_range=(1, 2), token_pattern=WORD_OR_SIGN, min_df=2
            ).fit(sentences.texts),
            TfidfVectorizer(
                sublinear_tf=True, ngram_range=(2, 5), analyzer="char_wb", min_df=3
            ).fit(sentences.texts),
        ]
        self._members = [LogisticRegression(C=5.0, max_iter=500, tol=1e-3)]
        summaries = None
        if self.parts != ("tfidf",):
            trees = ExtraTreesClassifier(
                400, min_samples_leaf=3, max_features=0.3, random_state=self.seed
            )
            boosted = HistGradientBoostingClassifier(
                max_iter=120,
                learning_rate=0.05,
                max_leaf_nodes=8,
                min_samples_leaf=20,
                l2_regularization=5.0,
                max_features=0.3,
                random_state=self.seed,
            )
            self._members += [trees, boosted]
            summaries = self._fit_words(sentences.words, codes)
            self._summaries_scaler = StandardScaler().fit(summaries)
        columns = self._columns(sentences, summaries)
        for member, inputs in zip(self._members, columns, strict=True):
            member.fit(inputs, codes)
        return self

    def predict_proba(self, sentences: Sentences) -> np.ndarray:
        """Probability of each code. -> (n, n_classes), float64"""
        summaries = None
        if self.parts != ("tfidf",):
            summaries = self._word_levels.of_sentences(sentences.words)
        columns = self._columns(sentences, summaries)
        answers = [m.predict_proba(x) for m, x in zip(self._members, columns, strict=True)]
        return np.mean(answers, axis=0)

    def _fit_words(self, words: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Learn the words' levels; what they say of each sentence, by models without it."""
        n_facts = len(TAGS) + len(MOODS_AND_TENSES) + 5
        columns = slice(
            0 if "vectors" in self.parts else -n_facts,
            None if "measures" in self.parts else -n_facts,
        )

        def learned(rows: np.ndarray) -> WordLevels:
            levels = WordLevels(columns, n_classes=self._n_classes, seed=self.seed)
            return levels.fit(words[rows], codes[rows])

        fold = np.random.default_rng(self.seed).permutation(len(codes)) % N_INNER_FOLDS
        summaries = np.zeros((len(codes), n_summaries(self._n_classes)))
        for inner in range(N_INNER_FOLDS):
            held = fold == inner
            summaries[held] = learned(~held).of_sentences(words[held])
        self._word_levels = learned(np.ones(len(codes), dtype=bool))
        return summaries

    def _columns(self, sentences: Sentences, summaries: np.ndarray | None) -> tuple:
        """What the linear model and, unless there is TF-IDF alone, both kinds of trees look at."""
        sparse, trees = [], []
        if "tfidf" in self.parts:
            sparse += [vectorizer.transform(sentences.texts) for vectorizer in self._tfidf]
        if "measures" in self.parts:
            filled = self._filled(sentences.measures)
            scaled = self._measures_scaler.transform(filled).clip(-CLIP, CLIP)
            sparse.append(csr_matrix(MEASURES_SCALE * scaled))
            trees.append(filled)
        if "vectors" in self.parts:
            reduced = self._pca.transform(self._vectors_scaler.transform(sentences.vectors))
            sparse.append(csr_matrix(VECTORS_SCALE * reduced))
            trees.append(reduced[:, :N_COMPONENTS_TREES])
        if summaries is None:
            return (hstack(sparse).tocsr(),)
        scaled = self._summaries_scaler.transform(summaries).clip(-CLIP, CLIP)
        sparse.append(csr_matrix(MEASURES_SCALE * scaled))
        trees.append(summaries)
        return hstack(sparse).tocsr(), np.hstack(trees), np.hstack(trees)

    def _filled(self, measures: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(measures), measures, self._medians)


class TextLevel:
    """Mean of `N_MODELS` models that differ by their seed: chance has less of a say.

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
        # TF-IDF goes to the linear model only, where there is nothing to draw.
        n_models = 1 if tuple(parts) == ("tfidf",) else N_MODELS
        seeds = np.random.SeedSequence(seed).generate_state(n_models)
        self._models = [SentenceModel(parts, seed=int(one)) for one in seeds]

    def fit(self, sentences: Sentences, codes: np.ndarray) -> "TextLevel":
        """Learn from sentences and the codes of their levels."""
        self._classes, codes = np.unique(codes, return_inverse=True)
        for model in self._models:
            model.fit(sentences, codes)
        return self

    def predict_proba(self, sentences: Sentences) -> np.ndarray:
        """Probability of each code that was learned, in order. -> (n, n_classes), float64."""
        return np.mean([model.predict_proba(sentences) for model in self._models], axis=0)

    def predict(self, sentences: Sentences) -> np.ndarray:
        """Code of each sentence's level. -> (n,), int64

        The likeliest class, but of two that are about as likely the one nearer to the
        mean level: log p_k - `NEARNESS` (k - mean)^2 decides.
        """
        p = self.predict_proba(sentences)
        codes = np.arange(p.shape[1])
        distances = codes - (p @ codes)[:, None]
        return self._classes[(np.log(p + 1e-12) - NEARNESS * distances**2).argmax(axis=1)]


def _words(doc: Doc) -> np.ndarray:
    """Vector of length 1 (zeros where there is none) and `word_facts` of each word."""
    rows = []
    for token in filter(is_word, doc):
        length = float(np.linalg.norm(token.vector))
        rows.append([*(token.vector / (length or 1.0)), *word_facts(token)])
    n_columns = doc.vocab.vectors_length + len(TAGS) + len(MOODS_AND_TENSES) + 5
    return np.array(rows, dtype=np.float32).reshape(-1, n_columns)


def _extremes(zipfs: list[float]) -> list[float]:
    """Of the words' frequencies: mean, least, mean of the three least, quartile, shares, spread."""
    if not zipfs:
        return [np.nan] * 8
    rarest = np.sort(zipfs)
    shares = [float((rarest < below).mean()) for below in (3, 4, 5)]
    quartile = np.quantile(rarest, 0.25)
    return [rarest.mean(), rarest[0], rarest[:3].mean(), quartile, *shares, rarest.std()]


def _depth(token: Token) -> int:
    """Dependencies between a token and the root of its sentence."""
    depth = 0
    while token.head != token:
        token, depth = token.head, depth + 1
    return depth
