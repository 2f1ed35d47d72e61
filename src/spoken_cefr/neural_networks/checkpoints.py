"""State of an unfinished training, one file an epoch, so that a killed run goes on.

One safetensors file holds the tensors and, as its only metadata entry, the rest
as JSON: one rename replaces both. Random numbers need no place in it: each
epoch's are seeded by the epoch's number.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from spoken_cefr.files import replacing
from spoken_cefr.progress import tell

State = dict[str, Tensor]


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimiser: Optimizer,
    *,
    best: State,
    history: list[dict[str, float]],
    key: str,
) -> None:
    """Write the state after the last epoch of ``history``."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in best.items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": value for name, value in values.items()}
    # Copies: networks and optimisers may share memory between tensors.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    told = json.dumps({"key": key, "history": history})
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"training": told})


def load_checkpoint(
    path: Path | None, model: nn.Module, optimiser: Optimizer, *, key: str
) -> tuple[list[dict[str, float]], State | None]:
    """Put a training back to where it was; an unfit file is told of and not used.

    Parameters
    ----------
    key : str
        What the run depends on; the file of another key is left alone.

    Returns
    -------
    tuple
        History so far, and the state of the best epoch (None at the beginning).
    """
    if path is None or not path.exists():
        return [], None
    try:
        with safe_open(path, framework="pt") as file:
            told: dict[str, Any] = json.loads((file.metadata() or {}).get("training", "{}"))
            if told.get("key") != key:
                return [], None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError):
        tell(f"{path} is damaged: training begins anew")
        return [], None
    model.load_state_dict(_under("model", tensors))
    state: dict[int, State] = {}
    for name, value in _under("optimiser", tensors).items():
        index, of = name.split("/")
        state.setdefault(int(index), {})[of] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    return told["history"], _under("best", tensors)


def _under(prefix: str, tensors: State) -> State:
    start = f"{prefix}/"
    return {
        name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)
    }
