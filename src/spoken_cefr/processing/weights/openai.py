"""openai-whisper's model, filled with the weights that CTranslate2 has.

Both engines can so be compared on identical weights, and the reference engine
works without internet. A Whisper size by name is openai's own download.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from spoken_cefr.errors import InputError
from spoken_cefr.processing.weights.ctranslate2 import read_variables
from spoken_cefr.processing.weights.packaged import OFFLINE_MODEL, cache_folder, ctranslate2_folder

if TYPE_CHECKING:
    from whisper.model import ModelDimensions, Whisper

Variables = dict[str, np.ndarray]
State = dict[str, torch.Tensor]


def load_openai_whisper(model: str) -> "Whisper":
    """Load a Whisper model for openai-whisper on the CPU, float32.

    Parameters
    ----------
    model : str
        ``offline-base`` or a folder in CTranslate2's format (both are
        converted in memory), or a Whisper size (openai's own weights).

    Raises
    ------
    InputError
        If there is no such model, its files are damaged or it cannot be downloaded.
    """
    import whisper

    folder = ctranslate2_folder(model)
    if folder is not None:
        return _converted(folder)
    if model not in whisper.available_models():
        raise InputError(
            f"processing.model is {model!r}: give {OFFLINE_MODEL}, a folder that holds "
            f"model.bin, or one of {', '.join(whisper.available_models())}"
        )
    try:
        where = cache_folder() / "openai-whisper"
        return whisper.load_model(model, device="cpu", download_root=str(where))
    # urllib's and the file system's errors, and RuntimeError for a wrong SHA-256:
    # all mean that there is no model, and the user needs one sentence.
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"the Whisper model {model!r} cannot be loaded ({first_line}): a size by name "
            f"needs internet the first time; {OFFLINE_MODEL} never does"
        ) from None


def _converted(folder: Path) -> "Whisper":
    from whisper.model import Whisper

    path = folder / "model.bin"
    variables = read_variables(path)
    try:
        model = Whisper(dimensions(variables))
        model.load_state_dict(openai_state(variables))
        heads = json.loads((folder / "config.json").read_text("utf-8"))["alignment_heads"]
        mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
        for layer, head in heads:
            mask[layer, head] = True
    except OSError as error:
        raise InputError(f"{folder / 'config.json'} cannot be read ({error.strerror})") from None
    except (LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} does not fit openai-whisper's model: {reason}") from None
    model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
    return model.eval()


def dimensions(variables: Variables) -> "ModelDimensions":
    """openai-whisper's sizes, from the shapes of CTranslate2's variables."""
    from whisper.model import ModelDimensions

    n_audio_state, n_mels, _ = variables["encoder/conv1/weight"].shape
    n_vocab, n_text_state = variables["decoder/embeddings/weight"].shape
    return ModelDimensions(
        n_mels=n_mels,
        n_audio_ctx=len(variables["encoder/position_encodings/encodings"]),
        n_audio_state=n_audio_state,
        n_audio_head=int(variables["encoder/num_heads"]),
        n_audio_layer=_n_layers(variables, "encoder"),
        n_vocab=n_vocab,
        n_text_ctx=len(variables["decoder/position_encodings/encodings"]),
        n_text_state=n_text_state,
        n_text_head=int(variables["decoder/num_heads"]),
        n_text_layer=_n_layers(variables, "decoder"),
    )


def _n_layers(variables: Variables, side: str) -> int:
    return sum(f"{side}/layer_{i}/ffn/linear_0/weight" in variables for i in range(len(variables)))


def openai_state(variables: Variables) -> State:
    """The ``state_dict`` of `whisper.model.Whisper` from CTranslate2's variables, float32.

    CTranslate2 keeps the projections of query, key and value in one matrix,
    one below the other (key and value in cross-attention), and writes zeros as
    the bias of the key, which openai's model does not have.
    """
    state: State = {}
    for side, last_norm in (("encoder", "ln_post"), ("decoder", "ln")):
        state[f"{side}.positional_embedding"] = _tensor(
            variables[f"{side}/position_encodings/encodings"]
        )
        state |= _norm(variables, f"{side}/layer_norm", f"{side}.{last_norm}")
        for i in range(_n_layers(variables, side)):
            state |= _layer(variables, f"{side}/layer_{i}", f"{side}.blocks.{i}")
    for conv in ("conv1", "conv2"):
        state |= _linear(variables, f"encoder/{conv}", f"encoder.{conv}")
    state["decoder.token_embedding.weight"] = _tensor(variables["decoder/embeddings/weight"])
    return state


def _layer(variables: Variables, source: str, target: str) -> State:
    own = f"{source}/self_attention"
    state = _norm(variables, f"{own}/layer_norm", f"{target}.attn_ln")
    state |= _split(variables, f"{own}/linear_0", f"{target}.attn", ("query", "key", "value"))
    state |= _linear(variables, f"{own}/linear_1", f"{target}.attn.out")
    cross = f"{source}/attention"
    if f"{cross}/linear_0/weight" in variables:
        state |= _norm(variables, f"{cross}/layer_norm", f"{target}.cross_attn_ln")
        state |= _linear(variables, f"{cross}/linear_0", f"{target}.cross_attn.query")
        state |= _split(variables, f"{cross}/linear_1", f"{target}.cross_attn", ("key", "value"))
        state |= _linear(variables, f"{cross}/linear_2", f"{target}.cross_attn.out")
    state |= _norm(variables, f"{source}/ffn/layer_norm", f"{target}.mlp_ln")
    state |= _linear(variables, f"{source}/ffn/linear_0", f"{target}.mlp.0")
    return state | _linear(variables, f"{source}/ffn/linear_1", f"{target}.mlp.2")


def _split(variables: Variables, source: str, target: str, names: tuple[str, ...]) -> State:
    weights = np.split(variables[f"{source}/weight"], len(names))
    biases = np.split(variables[f"{source}/bias"], len(names))
    state = {}
    for name, weight, bias in zip(names, weights, biases, strict=True):
        state[f"{target}.{name}.weight"] = _tensor(weight)
        if name != "key":
            state[f"{target}.{name}.bias"] = _tensor(bias)
        elif bias.any():
            raise ValueError(f"{source} has a bias of the key")
    return state


def _linear(variables: Variables, source: str, target: str) -> State:
    return {f"{target}.{part}": _tensor(variables[f"{source}/{part}"]) for part in _PARTS}


def _norm(variables: Variables, source: str, target: str) -> State:
    return {
        f"{target}.weight": _tensor(variables[f"{source}/gamma"]),
        f"{target}.bias": _tensor(variables[f"{source}/beta"]),
    }


_PARTS = ("weight", "bias")


def _tensor(values: np.ndarray) -> torch.Tensor:
    if values.dtype.kind != "f":
        raise ValueError("its weights are quantised; float16 or float32 is needed")
    return torch.from_numpy(values.astype(np.float32))
