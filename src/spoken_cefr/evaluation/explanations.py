"""Why this answer? Three views of one recording: its segments, a mel image, its measures.

None of them proves what a network has understood. They show where the answer
comes from, so that a person can listen there.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Spread of a measure over recordings: enough of them for a quartile range to mean something.
MIN_RECORDINGS = 3


def gradcam(
    model: nn.Module,
    image: Tensor,
    target: int,
    *,
    probabilities: Callable[[Tensor], Tensor] | None = None,
) -> np.ndarray:
    """Where in an image a convolutional network finds the class.

    The activations of the last convolution, each weighted by the mean gradient
    of the class's logit over it, added up, negative values cut, scaled to a
    maximum of 1. Selvaraju et al. (2017), "Grad-CAM", ICCV.

    Parameters
    ----------
    model : nn.Module
        Maps images (n, height, width) to logits (n, n_classes); left as it was,
        in evaluation mode.
    image : Tensor, shape (height, width), float32
    target : int
        Code of the class.
    probabilities : callable, optional
        Of a network whose outputs are not one logit a class: from outputs to the
        probability of each class (n, n_classes), whose logarithm is then explained.

    Returns
    -------
    np.ndarray, shape (height, width), float32
        From 0 to 1; all 0 where nothing speaks for the class.

    Raises
    ------
    ValueError
        If the model has no convolution.
    """
    convolutions = [part for part in model.modules() if isinstance(part, nn.Conv2d)]
    if not convolutions:
        raise ValueError("the model has no convolution to look at")
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        kept.append(output)

    hook = convolutions[-1].register_forward_hook(keep)
    try:
        with torch.enable_grad():
            outputs = model.eval()(image.unsqueeze(0).requires_grad_())
            scores = outputs if probabilities is None else probabilities(outputs).log()
            (gradient,) = torch.autograd.grad(scores[0, target], kept[-1])
    finally:
        hook.remove()
    activations = kept[-1].detach()
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    heat = (weights * activations).sum(dim=1, keepdim=True).clamp_min(0)
    heat = F.interpolate(heat, size=image.shape, mode="bilinear", align_corners=False)[0, 0]
    return (heat / heat.max().clamp_min(torch.finfo(heat.dtype).tiny)).cpu().numpy()


def segment_evidence(
    segments: pd.DataFrame,
    probabilities: np.ndarray,
    *,
    answer: int,
    attention: np.ndarray | None = None,
) -> pd.DataFrame:
    """What each segment says for the recording's answer.

    Parameters
    ----------
    segments : pd.DataFrame
        segment_id, start_s, end_s, text of one recording.
    probabilities : np.ndarray, shape (n, k)
        Of the levels, by a run that answers segments.
    answer : int
        Code of the recording's answer.
    attention : np.ndarray, shape (n,), optional
        Weight of each segment in a run that pools by attention; adds up to 1.

    Returns
    -------
    pd.DataFrame
        segment_id, start_s, end_s, text, evidence: log of the answer's
        probability over that of the strongest other level, in nats, above 0
        where the segment alone gives the answer; and attention, NaN without.
    """
    p = np.clip(np.asarray(probabilities, dtype=np.float64), np.finfo(np.float64).tiny, None)
    others = np.delete(p, answer, axis=1).max(axis=1)
    return segments[["segment_id", "start_s", "end_s", "text"]].assign(
        evidence=np.log(p[:, answer] / others),
        attention=np.nan if attention is None else attention,
    )


def measure_differences(
    measures: pd.DataFrame,
    levels: pd.Series,
    recording_id: str,
    *,
    level: str,
    classes: Sequence[str],
) -> pd.DataFrame:
    """Which measures of a recording differ most from the neighbouring levels.

    Parameters
    ----------
    measures : pd.DataFrame
        Index recording_id, one column a measure: all recordings.
    levels : pd.Series
        True level by recording_id, of the recordings to compare with.
    level : str
        The level that the recording was given.

    Returns
    -------
    pd.DataFrame
        One row per measure: measure, value, the medians of recordings of the
        level below, of the level itself and of the level above (below, at,
        above; NaN where fewer than ``MIN_RECORDINGS`` have the level), and
        margin: by how much the value is nearer to its own level's median than
        to the nearest neighbour's, in interquartile ranges of all compared
        recordings. A measure that is odd for every level has none. Sorted by
        margin, largest first.
    """
    compared = measures.loc[measures.index.intersection(levels.index).drop(recording_id, "ignore")]
    own = measures.loc[recording_id]
    code = list(classes).index(level)
    spread = compared.quantile(0.75) - compared.quantile(0.25)
    table = pd.DataFrame({"value": own})
    for name, offset in (("below", -1), ("at", 0), ("above", 1)):
        table[name] = _median_of(compared, levels, classes, code + offset)
    gaps = table[["below", "at", "above"]].sub(table["value"], axis=0).abs()
    nearest = gaps[["below", "above"]].min(axis=1)
    table["margin"] = (nearest - gaps["at"]) / spread.where(spread > 0)
    table = table.rename_axis("measure").reset_index()
    return table.sort_values("margin", ascending=False, ignore_index=True, kind="stable")


def _median_of(
    measures: pd.DataFrame, levels: pd.Series, classes: Sequence[str], code: int
) -> pd.Series:
    if not 0 <= code < len(classes):
        return pd.Series(np.nan, index=measures.columns)
    rows = measures[levels.reindex(measures.index) == classes[code]]
    known = rows.count() >= MIN_RECORDINGS
    return rows.median().where(known)
