"""What test_distributed.py starts by torchrun: train as one of several processes.

python -m torch.distributed.run --nproc_per_node=2 tests/train_distributed.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn

from spoken_cefr.files import write_csv
from spoken_cefr.neural_networks import distributed
from spoken_cefr.neural_networks.examples import Bags, Examples, Rows, Store
from spoken_cefr.neural_networks.heads import HEADS
from spoken_cefr.neural_networks.models import build_model
from spoken_cefr.neural_networks.recording_models import AttentionNetwork
from spoken_cefr.neural_networks.training import Plan, train

N_CLASSES, N_EPOCHS = 5, 3
KINDS = ("study_cnn", "simple", "attention")
CPU = torch.device("cpu")


def rows(shape: tuple[int, ...], n: int, *, seed: int) -> Rows:
    """Segments whose class can be learnt."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(N_CLASSES, size=n)
    x = rng.random((n, *shape), dtype=np.float32)
    x.reshape(n, -1)[np.arange(n), codes] += 3
    return Rows(Store(x, device=CPU), codes)


def bags(n_features: int, n: int, *, seed: int) -> Bags:
    """Recordings of 1 to 6 segments, with measures."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 7, size=n)
    codes = rng.integers(N_CLASSES, size=n)
    x = rng.standard_normal((counts.sum(), n_features)).astype(np.float32)
    x[:, 0] += np.repeat(codes, counts)
    measures = rng.standard_normal((n, 2))
    return Bags(Store(x, device=CPU), np.cumsum(counts) - counts, counts, measures, codes)


def prepare(kind: str) -> tuple[nn.Module, Examples, Examples, str]:
    """Network, examples for training and validation, name of the head."""
    torch.manual_seed(0)
    if kind == "attention":
        model = AttentionNetwork((12,), n_measures=2, n_outputs=N_CLASSES - 1)
        return model, bags(12, 50, seed=0), bags(12, 20, seed=1), "corn"
    shape = (16, 16) if kind == "study_cnn" else (24,)
    return build_model(kind, shape), rows(shape, 101, seed=0), rows(shape, 30, seed=1), "softmax"


def trained(kind: str) -> tuple[nn.Module, pd.DataFrame]:
    """Train on batches of 20 in all, which do not come out even.

    Without dropout: each process draws its own, so that no two are alike.
    """
    model, train_examples, validation, head = prepare(kind)
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    plan = Plan(
        batch_size=20,
        epochs=N_EPOCHS,
        seed=0,
        class_weights=torch.tensor([0.5, 1.0, 2.0, 1.0, 0.7]) if head == "softmax" else None,
        name=kind,
    )
    history = train(model, train_examples, validation, head=HEADS[head], plan=plan)
    return model, history


def main(folder: Path) -> None:
    """Train every kind; leave history and weights of each process."""
    with distributed.process_group():
        for kind in KINDS:
            model, history = trained(kind)
            name = f"{kind}_{distributed.rank()}_of_{distributed.n_ranks()}"
            write_csv(folder / f"{name}.csv", history)
            state = {key: value.clone() for key, value in model.state_dict().items()}
            save_file(state, folder / f"{name}.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
    distributed.leave(0)
