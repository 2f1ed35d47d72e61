"""CORN: levels are in order, so a network asks "above A1?", "then above A2?" and so on.

Shi, Cao and Raschka (2021), "Deep Neural Networks for Rank-Consistent Ordinal
Regression Based On Conditional Probabilities", arXiv 2111.08851.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def corn_loss_terms(
    logits: Tensor, codes: Tensor, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sum of the answers' losses, and the weight that divides it.

    Question k is put only to rows whose code is k or more; the answer is
    whether it is more than k.

    Parameters
    ----------
    logits : Tensor, shape (n, n_classes - 1)
        Of the conditional probabilities P(code > k | code >= k).
    codes : Tensor, shape (n,), int64
    weights : Tensor, shape (n_classes,), optional
        Weight of each class.

    Returns
    -------
    tuple of Tensor, shape ()
        The loss is the first divided by the second.
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
    """Probability of each class from CORN's logits.

    P(code > k) is the product of the conditional probabilities up to k, so it
    can only fall with k: the answers never contradict each other.

    Parameters
    ----------
    logits : Tensor, shape (n, n_classes - 1)

    Returns
    -------
    Tensor, shape (n, n_classes)
        Rows add up to 1.
    """
    above = torch.sigmoid(logits).cumprod(dim=1)
    first, last = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
    return torch.cat([first, above], dim=1) - torch.cat([above, last], dim=1)
