"""One training loop for every network."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from spoken_cefr.neural_networks.networks.heads import Head
from spoken_cefr.neural_networks.training.examples import CHUNK, Examples
from spoken_cefr.progress import progress

ADAM_EPSILON = 1e-7  # Keras's default, as in the study; PyTorch's is 1e-8


@dataclass(frozen=True)
class Plan:
    """How to train.

    Training stops after ``patience`` epochs without a better validation macro-F1; 0: never.
    ``class_weights`` (n_classes,) count in the training loss, never in validation; ``chances``
    are as `Examples.draw` takes them. With ``bfloat16`` weights and losses stay float32.
    """

    batch_size: int
    epochs: int
    seed: int
    learning_rate: float = 1e-3
    patience: int = 0
    class_weights: Tensor | None = None
    chances: Tensor | None = None
    bfloat16: bool = False
    name: str = "training"


def train(
    model: nn.Module,
    train_examples: Examples,
    validation_examples: Examples,
    *,
    head: Head,
    plan: Plan,
) -> pd.DataFrame:
    """Train in place with Adam and keep the epoch of the best validation macro-F1.

    The model maps the inputs of a batch to outputs and is on the examples' device already.
    Gives one row an epoch: epoch (from 1), train_loss, train_accuracy, validation_loss,
    validation_accuracy, validation_macro_f1. The train columns are means over the epoch's
    batches, with dropout on; losses do not hold the L2 penalty, so that networks can be
    compared.
    """
    optimiser = torch.optim.Adam(
        model.parameters(), lr=plan.learning_rate, eps=ADAM_EPSILON, fused=True
    )
    history: list[dict[str, float]] = []
    best: dict[str, Tensor] = {}
    bar = progress(range(1, plan.epochs + 1), desc=plan.name, unit="epoch")
    for epoch in bar:
        if best_and_stale(history)[1] >= (plan.patience or np.inf):
            break
        row = {"epoch": epoch} | train_epoch(
            model, train_examples, optimiser, head=head, plan=plan, epoch=epoch
        )
        row |= validate(model, validation_examples, head=head, bfloat16=plan.bfloat16)
        history.append(row)
        if best_and_stale(history)[1] == 0:
            best = {name: value.clone() for name, value in model.state_dict().items()}
        bar.set_postfix(loss=f"{row['train_loss']:.3f}", f1=f"{row['validation_macro_f1']:.3f}")
    model.load_state_dict(best)
    return pd.DataFrame(history)


def train_epoch(
    model: nn.Module,
    examples: Examples,
    optimiser: torch.optim.Optimizer,
    *,
    head: Head,
    plan: Plan,
    epoch: int,
) -> dict[str, float]:
    """One pass over the training examples; gives train_loss and train_accuracy."""
    seed = epoch_seed(plan.seed, epoch)
    torch.manual_seed(seed)  # dropout
    picks = examples.draw(torch.Generator().manual_seed(seed), plan.chances)
    penalty = getattr(model, "penalty", None)
    model.train()
    sums = []
    for inputs, codes in examples.batches(picks, plan.batch_size):
        outputs = forward(model, inputs, bfloat16=plan.bfloat16)
        total, weight = head.loss_terms(outputs, codes, plan.class_weights)
        loss = total / weight
        if penalty is not None:
            loss = loss + penalty()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        right = (head.predicted(outputs.detach()) == codes).float()
        # Tensors until the epoch's end: a number would make a GPU wait.
        sums.append(
            torch.stack([total.detach(), weight, right.sum(), torch.ones_like(right).sum()])
        )
    total, weight, correct, n = torch.stack(sums).sum(dim=0).tolist()
    return {"train_loss": total / weight, "train_accuracy": correct / n}


def validate(
    model: nn.Module, examples: Examples, *, head: Head, bfloat16: bool = False
) -> dict[str, float]:
    """Loss, accuracy and macro-F1 over the levels that the examples hold."""
    outputs = predict(model, examples, bfloat16=bfloat16)
    codes = examples.codes_in_order()
    total, weight = head.loss_terms(outputs, codes, None)
    truth, predicted = codes.numpy(), head.predicted(outputs.double()).numpy()
    return {
        "validation_loss": (total / weight).item(),
        "validation_accuracy": float((truth == predicted).mean()),
        "validation_macro_f1": macro_f1(truth, predicted),
    }


def macro_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """scikit-learn's ``f1_score`` over the levels in ``truth``, a hundred times as fast.

    Asked after each epoch, scikit-learn's took a twentieth of the time of a small training.
    """
    n = 1 + max(truth.max(), predicted.max())
    hits, told, true = (
        np.bincount(codes, minlength=n) for codes in (truth[truth == predicted], predicted, truth)
    )
    present = true > 0
    return float((2 * hits[present] / (told + true)[present]).mean())


@torch.inference_mode()
def predict(model: nn.Module, examples: Examples, *, bfloat16: bool = False) -> Tensor:
    """Outputs of every example in order, on the CPU, dropout off; shape (n, n_outputs)."""
    model.eval()
    batches = examples.batches(examples.in_order(), CHUNK)
    outputs = [forward(model, inputs, bfloat16=bfloat16).cpu() for inputs, _ in batches]
    return torch.cat(outputs)


def forward(model: nn.Module, inputs: tuple[Tensor, ...], *, bfloat16: bool) -> Tensor:
    """Outputs as float32."""
    device = inputs[0].device.type
    with torch.autocast(device, dtype=torch.bfloat16, enabled=bfloat16):
        return model(*inputs).float()


def best_and_stale(history: list[dict[str, float]]) -> tuple[int, int]:
    """Index of the best epoch so far, and how many have followed it; (-1, 0) at the beginning."""
    scores = [row["validation_macro_f1"] for row in history]
    best = int(np.argmax(scores)) if scores else -1
    return best, len(scores) - 1 - best


def epoch_seed(seed: int, epoch: int) -> int:
    """Seed of an epoch: as independent of the next one as of another run's."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])
