"""One training loop for every network."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from spoken_cefr.errors import InputError
from spoken_cefr.progress import progress

# Rows a pass without gradients: bounds the memory of the first convolution's output.
INFERENCE_BATCH = 512


@dataclass(frozen=True)
class Rows:
    """Inputs and level codes of one part, on one device.

    Parameters
    ----------
    inputs : Tensor, shape (n, ...), float32
    codes : Tensor, shape (n,), int64
    """

    inputs: Tensor
    codes: Tensor

    def __len__(self) -> int:
        return len(self.codes)


def choose_device(name: str) -> torch.device:
    """Resolve ``auto`` to cuda, mps or cpu, whichever is there, in this order.

    Raises
    ------
    InputError
        If the device that is asked for is not there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("neural_networks.device is 'cuda', but this torch sees no GPU: use 'auto'")
    if name == "mps" and not torch.backends.mps.is_available():
        raise InputError("neural_networks.device is 'mps', which is not there: use 'auto'")
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def class_weights(codes: Tensor, *, n_classes: int) -> Tensor:
    """Weight of each class, n / (k n_c), as scikit-learn's "balanced"; 0 for an absent one."""
    counts = torch.bincount(codes, minlength=n_classes).float()
    present = counts > 0
    weights = torch.zeros(n_classes)
    weights[present] = len(codes) / (int(present.sum()) * counts[present])
    return weights


def train(
    model: nn.Module,
    train_rows: Rows,
    validation_rows: Rows,
    *,
    batch_size: int,
    epochs: int,
    seed: int,
    learning_rate: float = 1e-3,
    weights: Tensor | None = None,
    name: str = "training",
) -> pd.DataFrame:
    """Train in place with Adam and keep the epoch of the best validation macro-F1.

    Parameters
    ----------
    model : nn.Module
        Maps a batch of inputs to logits; already on the rows' device.
    weights : Tensor, shape (n_classes,), optional
        Weight of each class in the training loss. Validation is never weighted.

    Returns
    -------
    pd.DataFrame
        One row an epoch: epoch (from 1), train_loss, train_accuracy,
        validation_loss, validation_accuracy, validation_macro_f1. The train
        columns are means over the epoch's batches, with dropout on.
    """
    order = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    history, best_score, best_state = [], -1.0, None
    bar = progress(range(1, epochs + 1), desc=name, unit="epoch")
    for epoch in bar:
        model.train()
        loss_sum = weight_sum = n_correct = 0.0
        for batch in torch.randperm(len(train_rows), generator=order).split(batch_size):
            batch = batch.to(train_rows.codes.device)
            codes = train_rows.codes[batch]
            logits = model(train_rows.inputs[batch])
            loss = cross_entropy(logits, codes, weight=weights)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            # Cross-entropy divides by the weights of the batch, not by its length.
            weight = len(batch) if weights is None else weights[codes].sum().item()
            loss_sum += loss.item() * weight
            weight_sum += weight
            n_correct += (logits.argmax(dim=1) == codes).sum().item()
        scores = validate(model, validation_rows)
        means = {
            "train_loss": loss_sum / weight_sum,
            "train_accuracy": n_correct / len(train_rows),
        }
        history.append({"epoch": epoch} | means | scores)
        bar.set_postfix(
            loss=f"{means['train_loss']:.3f}", f1=f"{scores['validation_macro_f1']:.3f}"
        )
        if scores["validation_macro_f1"] > best_score:
            best_score = scores["validation_macro_f1"]
            best_state = {key: value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(best_state)
    return pd.DataFrame(history)


def validate(model: nn.Module, rows: Rows) -> dict[str, float]:
    """Loss, accuracy and macro-F1 over the levels that the rows hold."""
    logits = predict_logits(model, rows.inputs)
    codes = rows.codes.cpu()
    predicted = logits.argmax(dim=1).numpy()
    return {
        "validation_loss": cross_entropy(logits, codes).item(),
        "validation_accuracy": float(accuracy_score(codes.numpy(), predicted)),
        "validation_macro_f1": float(
            f1_score(
                codes.numpy(),
                predicted,
                labels=np.unique(codes.numpy()),
                average="macro",
                zero_division=0,
            )
        ),
    }


@torch.inference_mode()
def predict_logits(model: nn.Module, inputs: Tensor) -> Tensor:
    """Logits of every row on the CPU, shape (n, n_classes), dropout off."""
    model.eval()
    return torch.cat([model(batch).float().cpu() for batch in inputs.split(INFERENCE_BATCH)])
