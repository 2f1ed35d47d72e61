"""What a network's outputs mean: how many there are, their loss, their probabilities.

Softmax reads one output a class. CORN knows that levels are in order, so it asks "above
A1?", "then above A2?" and so on: Shi, Cao and Raschka (2021), "Deep Neural Networks for
Rank-Consistent Ordinal Regression Based On Conditional Probabilities", arXiv 2111.08851.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

LossTerms = Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Head:
    """One way to read outputs of shape (n, n_classes - fewer).

    ``loss_terms`` takes outputs, codes (n,) and class weights (n_classes,) or None; it gives
    the sum of the losses and the weight that divides it. Apart, so that an epoch's mean
    counts each row alike. ``probabilities`` makes of outputs (n, n_classes) of the same
    type, rows adding up to 1.
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


def corn_loss_terms(
    logits: Tensor, codes: Tensor, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sum of the answers' losses, and the weight that divides it.

    Logits (n, n_classes - 1) are of the conditional probabilities P(code > k | code >= k).
    Question k is put only to rows whose code is k or more; the answer is whether it is
    more than k.
    """
    questions = torch.arange(logits.shape[1], device=logits.device)
    asked = (codes[:, None] >= questions).float()
    above = (codes[:, None] > questions).float()
    if weights is not None:
        asked = asked * weights[codes][:, None]
    # log(1 - sigmoid(x)) = logsigmoid(x) - x
    losses = -(logsigmoid(logits) - logits * (1 - above))
    return (losses * asked).sum(), asked.sum()


def corn_probabilities(logits: Tensor) -> Tensor:
    """Probability of each class from CORN's logits. (n, n_classes - 1) -> (n, n_classes)

    P(code > k) is the product of the conditional probabilities up to k, so it
    can only fall with k: the answers never contradict each other.
    """
    above = torch.sigmoid(logits).cumprod(dim=1)
    first, last = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
    return torch.cat([first, above], dim=1) - torch.cat([above, last], dim=1)


HEADS: dict[str, Head] = {
    "softmax": Head(0, cross_entropy_terms, partial(torch.softmax, dim=1)),
    "corn": Head(1, corn_loss_terms, corn_probabilities),
}
