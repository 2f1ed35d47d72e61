"""openai-whisper's model, filled with the weights that CTranslate2 has.

Both engines can so be compared on identical weights, and the reference engine
works without internet. A Whisper size by name is openai's own download.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from spoken_cefr.errors import InputError
from spoken_cefr.processing.weights.ctranslate2 import read_variables
from spoken_cefr.processing.weights.packaged import cache_folder, ctranslate2_folder, loading

if TYPE_CHECKING:
    from whisper.model import ModelDimensions, Whisper

Variables = dict[str, np.ndarray]
State = dict[str, torch.Tensor]


def load_openai_whisper(model: str) -> "Whisper":
    """Load a Whisper model for openai-whisper on the CPU, float32.

    ``offline-base`` and a folder in CTranslate2's format are converted in memory; a Whisper size
    is openai's own download.
    """
    import whisper

    folder = ctranslate2_folder(model)
    if folder is not None:
        return _converted(folder)
    with loading(model, sizes=whisper.available_models()):
        where = cache_folder() / "openai-whisper"
        return whisper.load_model(model, device="cpu", download_root=str(where))


def _converted(folder: Path) -> "Whisper":
    from whisper.model import Whisper

    variables = read_variables(folder / "model.bin")
    try:
        model = Whisper(dimensions(variables))
        model.load_state_dict(openai_state(variables))
        heads = json.loads((folder / "config.json").read_text("utf-8"))["alignment_heads"]
        mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
        for layer, head in heads:
            mask[layer, head] = True
    except (OSError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder} does not fit openai-whisper's model: {reason}") from None
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
    for name, values in variables.items():
        place, _, part = name.rpartition("/")
        if part not in _PARTS:
            continue  # a setting, such as the number of heads
        layer = _LAYER.fullmatch(place)
        modules = _MODULES[layer["module"] if layer else place]
        prefix = f"{layer['side']}.blocks.{layer['number']}." if layer else ""
        for module, piece in zip(modules, np.split(values, len(modules)), strict=True):
            if part != "bias" or not module.endswith(".key"):
                state[f"{prefix}{module}{_PARTS[part]}"] = _tensor(piece)
            elif piece.any():
                raise ValueError(f"{place} has a bias of the key")
    return state


# Names of CTranslate2's variables and of openai's, first those inside a layer.
_LAYER = re.compile(r"(?P<side>encoder|decoder)/layer_(?P<number>\d+)/(?P<module>.+)")
_MODULES = {
    "self_attention/layer_norm": ("attn_ln",),
    "self_attention/linear_0": ("attn.query", "attn.key", "attn.value"),
    "self_attention/linear_1": ("attn.out",),
    "attention/layer_norm": ("cross_attn_ln",),
    "attention/linear_0": ("cross_attn.query",),
    "attention/linear_1": ("cross_attn.key", "cross_attn.value"),
    "attention/linear_2": ("cross_attn.out",),
    "ffn/layer_norm": ("mlp_ln",),
    "ffn/linear_0": ("mlp.0",),
    "ffn/linear_1": ("mlp.2",),
    "encoder/conv1": ("encoder.conv1",),
    "encoder/conv2": ("encoder.conv2",),
    "encoder/layer_norm": ("encoder.ln_post",),
    "encoder/position_encodings": ("encoder.positional_embedding",),
    "decoder/embeddings": ("decoder.token_embedding",),
    "decoder/layer_norm": ("decoder.ln",),
    "decoder/position_encodings": ("decoder.positional_embedding",),
}
_PARTS = {
    "weight": ".weight",
    "bias": ".bias",
    "gamma": ".weight",
    "beta": ".bias",
    "encodings": "",
}


def _tensor(values: np.ndarray) -> torch.Tensor:
    if values.dtype.kind != "f":
        raise ValueError("its weights are quantised; float16 or float32 is needed")
    return torch.from_numpy(values.astype(np.float32))
