"""How little the words of a sentence are to be expected, by the language model inside Whisper.

What readers expect less they read more slowly (Hale 2001, "A Probabilistic Earley
Parser as a Psycholinguistic Model", NAACL; Levy 2008, "Expectation-based syntactic
comprehension", Cognition 106). Whisper's decoder is a language model of French that is
at hand without internet; here it listens to silence, so that the text alone counts.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from spoken_cefr.openai_weights import load_openai_whisper
from spoken_cefr.progress import progress
from spoken_cefr.weights import OFFLINE_MODEL

if TYPE_CHECKING:
    from whisper.model import Whisper

COLUMNS = ("mean", "median", "largest", "three_largest", "spread", "tokens_per_word")
BATCH_SIZE = 32
MOST_TOKENS = 200  # of a sentence; what follows is not read


def token_surprisals(
    texts: Sequence[str], *, model: str = OFFLINE_MODEL, language: str = "fr"
) -> list[np.ndarray]:
    """Surprisal of each token given those before it: -log2 p, in bits.

    Parameters
    ----------
    texts : sequence of str
    model : str
        As `load_openai_whisper` takes it.

    Returns
    -------
    list of np.ndarray, shape (n_tokens,), float64
        One a text; empty for a text without tokens.
    """
    from whisper.tokenizer import get_tokenizer

    whisper = load_openai_whisper(model)
    tokenizer = get_tokenizer(
        whisper.is_multilingual,
        num_languages=whisper.num_languages,
        language=language,
        task="transcribe",
    )
    prompt = list(tokenizer.sot_sequence_including_notimestamps)
    # Whisper's tokens of a word begin with the space before it.
    tokens = [tokenizer.encode(f" {text.strip()}")[:MOST_TOKENS] for text in texts]
    order = np.argsort([len(one) for one in tokens], kind="stable")
    batches = [order[i : i + BATCH_SIZE] for i in range(0, len(order), BATCH_SIZE)]
    found: list[np.ndarray] = [np.empty(0)] * len(texts)
    with torch.inference_mode():
        heard = _silence(whisper)
        for batch in progress(batches, desc="surprisal", unit="batch"):
            rows = _surprisals(whisper, heard, prompt, [tokens[row] for row in batch])
            for row, values in zip(batch, rows, strict=True):
                found[row] = values
    return found


def surprisal_measures(values: np.ndarray, n_words: int) -> list[float]:
    """`COLUMNS` of a sentence: bits, and tokens a word (rare words are in pieces).

    Parameters
    ----------
    values : np.ndarray, shape (n_tokens,)
        As `token_surprisals` gives them.

    Returns
    -------
    list of float
        NaN for a sentence without tokens.
    """
    if not len(values):
        return [np.nan] * len(COLUMNS)
    highest = np.sort(values)
    return [
        float(highest.mean()),
        float(np.median(highest)),
        float(highest[-1]),
        float(highest[-3:].mean()),
        float(highest.std()),
        len(values) / max(1, n_words),
    ]


def _silence(whisper: "Whisper") -> dict[torch.nn.Module, torch.Tensor]:
    """Keys and values of every cross-attention, of 30 s of silence: the same for every text."""
    from whisper.audio import N_SAMPLES, log_mel_spectrogram

    mel = log_mel_spectrogram(torch.zeros(N_SAMPLES), whisper.dims.n_mels)
    encoded = whisper.encoder(mel[None])
    layers = [block.cross_attn for block in whisper.decoder.blocks]
    return {part: part(encoded) for layer in layers for part in (layer.key, layer.value)}


def _surprisals(
    whisper: "Whisper",
    heard: dict[torch.nn.Module, torch.Tensor],
    prompt: list[int],
    tokens: list[list[int]],
) -> list[np.ndarray]:
    """Of one batch. The padding comes after the text, where the decoder does not look."""
    decoder = whisper.decoder
    longest = max(len(one) for one in tokens)
    rows = torch.tensor([prompt + one + [0] * (longest - len(one)) for one in tokens])
    cache = {part: array.expand(len(rows), -1, -1) for part, array in heard.items()}
    x = decoder.token_embedding(rows) + decoder.positional_embedding[: rows.shape[1]]
    for block in decoder.blocks:
        # With keys and values given, what is heard is read from there; see MultiHeadAttention.
        x = block(x, x, mask=decoder.mask, kv_cache=cache)
    x = decoder.ln(x)[:, len(prompt) - 1 : -1]
    logits = x @ decoder.token_embedding.weight.T
    targets = rows[:, len(prompt) :, None]
    chosen = logits.gather(2, targets)[..., 0] - logits.logsumexp(dim=2)
    bits = -chosen.double().numpy() / np.log(2)
    return [row[: len(one)] for row, one in zip(bits, tokens, strict=True)]
