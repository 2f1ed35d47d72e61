"""What a network's outputs mean: how many there are, their loss, their probabilities."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from spoken_cefr.neural_networks.networks.corn import corn_loss_terms, corn_probabilities

LossTerms = Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Head:
    """One way to read outputs of shape (n, n_classes - fewer).

    Parameters
    ----------
    loss_terms : callable
        (outputs, codes, class weights or None) -> the sum of the losses and
        the weight that divides it. Apart, so that an epoch's mean counts each row alike.
    probabilities : callable
        Outputs -> (n, n_classes) of the same type, rows adding up to 1.
    """

    fewer: int
    loss_terms: LossTerms
    probabilities: Callable[[Tensor], Tensor]

    def predicted(self, outputs: Tensor) -> Tensor:
        """The most probable class of each row, shape (n,), int64."""
        return self.probabilities(outputs).argmax(dim=1)


def cross_entropy_terms(
    logits: Tensor, codes: Tensor, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sum of the (weighted) cross-entropies, and the sum of the weights."""
    total = cross_entropy(logits, codes, weight=weights, reduction="sum")
    weight = len(codes) if weights is None else weights[codes].sum()
    return total, torch.as_tensor(weight, dtype=total.dtype, device=total.device)


def softmax_probabilities(logits: Tensor) -> Tensor:
    """Normalised exponential."""
    return torch.softmax(logits, dim=1)


HEADS: dict[str, Head] = {
    "softmax": Head(0, cross_entropy_terms, softmax_probabilities),
    "corn": Head(1, corn_loss_terms, corn_probabilities),
}
