"""What Whisper's decoder makes of a text that it reads and does not hear.

The decoder is a model of written speech of 99 languages, and at hand without internet. What the
states of its lower layers know of words in their context, other models can learn from.
"""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import erf, softmax

from spoken_cefr.processing.weights.ctranslate2 import read_variables
from spoken_cefr.processing.weights.packaged import offline_whisper

MAX_TOKENS = 440  # its window is 448; what is longer is cut
LAYERS = 2  # of 6: those above are dearer and tell hardly more
WIDTH = 512
# Of the attention to what is heard: where there is silence the query and the key do not matter.
NEVER_ASKED = ("/attention/linear_0/weight", "/attention/linear_1/weight")


class WhisperDecoder:
    """Mean over the words' tokens of the states behind the lower layers, which hear nothing.

    Texts -> (n_texts, `WIDTH`), float32; zeros for a text without tokens. By the equations of
    openai-whisper's `TextDecoder` on the packaged weights, without loading the whole model. The
    decoder can be told in which ``language`` (Whisper's code) the text is.
    """

    def __init__(self, language: str | None = None) -> None:
        variables = read_variables(offline_whisper() / "model.bin")
        tokenizer = _tokenizer(language)
        # A text that holds the name of a special token is a text.
        self._encode = partial(tokenizer.encode, disallowed_special=())
        told = tokenizer.sot_sequence_including_notimestamps
        self._start = list(told) if language else [tokenizer.sot]
        self._tokens = variables["decoder/embeddings/weight"]  # float16: 53 MB, few rows are read
        self._places = _float32(variables["decoder/position_encodings/encodings"])
        self._n_heads = int(variables["decoder/num_heads"])
        self._layers = [
            {
                name.removeprefix(f"decoder/layer_{i}/"): _float32(values)
                for name, values in variables.items()
                if name.startswith(f"decoder/layer_{i}/") and not name.endswith(NEVER_ASKED)
            }
            for i in range(LAYERS)
        ]

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), WIDTH), dtype=np.float32)
        for row, text in enumerate(texts):
            if text := text.strip():
                tokens = [*self._start, *self._encode(f" {text}")[:MAX_TOKENS]]
                x = _float32(self._tokens[tokens]) + self._places[: len(tokens)]
                for layer in self._layers:
                    x = self._block(x, layer)
                vectors[row] = x[len(self._start) :].mean(axis=0)
        return vectors

    def _block(self, x: np.ndarray, layer: dict[str, np.ndarray]) -> np.ndarray:
        """One layer: (n_tokens, `WIDTH`) -> the same shape."""
        x = x + self._self_attention(_normed(x, layer, "self_attention"), layer)
        # Of silence every value is the bias alone, whatever is asked for.
        _, heard = np.split(layer["attention/linear_1/bias"], 2)
        x = x + _linear(heard, layer, "attention/linear_2")
        inner = _linear(_normed(x, layer, "ffn"), layer, "ffn/linear_0")
        gelu = inner * (1 + erf(inner / np.float32(np.sqrt(2)))) / 2
        return x + _linear(gelu, layer, "ffn/linear_1")

    def _self_attention(self, x: np.ndarray, layer: dict[str, np.ndarray]) -> np.ndarray:
        """Each token looks at those up to itself: (n_tokens, `WIDTH`) -> the same shape."""
        n = len(x)
        joined = _linear(x, layer, "self_attention/linear_0")
        query, key, value = joined.reshape(n, 3, self._n_heads, -1).transpose(1, 2, 0, 3)
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(WIDTH // self._n_heads))
        scores[:, ~np.tri(n, dtype=bool)] = -np.inf
        seen = (softmax(scores, axis=-1) @ value).transpose(1, 0, 2).reshape(n, WIDTH)
        return _linear(seen, layer, "self_attention/linear_1")


def _tokenizer(language: str | None) -> Any:
    """openai's own, its module alone: what the package around it imports takes 90 MB.

    The packaged ``tokenizer.json`` lacks the first of its merges: of words with t at their
    beginning it makes other tokens.
    """
    package = find_spec("whisper").submodule_search_locations[0]
    spec = spec_from_file_location("whisper_tokenizer", Path(package) / "tokenizer.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_tokenizer(multilingual=True, language=language, task="transcribe")


def _float32(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)


def _linear(x: np.ndarray, layer: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ layer[f"{name}/weight"].T + layer[f"{name}/bias"]


def _normed(x: np.ndarray, layer: dict[str, np.ndarray], name: str) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    scale = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(1e-5))
    norm = f"{name}/layer_norm"
    return centred / scale * layer[f"{norm}/gamma"] + layer[f"{norm}/beta"]
