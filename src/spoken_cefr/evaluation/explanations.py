"""Why this answer? Three views of one recording: its segments, a mel image, its measures.

None of them proves what a network has understood. They show where the answer
comes from, so that a person can listen there. Of each run it is explained what the
first seed answered: one model, the one that was trained without the recording's fold.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spoken_cefr.config import Config
from spoken_cefr.evaluation.reading import Inputs, read_table
from spoken_cefr.evaluation.scores.answers import AllAnswers, Answers
from spoken_cefr.figures.explanations import draw_gradcam, draw_measures, draw_segments
from spoken_cefr.figures.style import Sketch
from spoken_cefr.measures.table import measures_of
from spoken_cefr.neural_networks.networks.heads import HEADS
from spoken_cefr.neural_networks.saved import RunModel, load_run_model
from spoken_cefr.processing.audio import to_image
from spoken_cefr.processing.stage import load_arrays
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_json

# Spread of a measure over recordings: enough of them for a quartile range to mean something.
MIN_RECORDINGS = 3
N_TOLD = 5  # segments and measures in the document


def gradcam(
    model: nn.Module,
    image: Tensor,
    target: int,
    *,
    probabilities: Callable[[Tensor], Tensor] | None = None,
) -> np.ndarray:
    """Where in an image (height, width) a convolutional network finds the class of this code.

    The activations of the last convolution, each weighted by the mean gradient
    of the class's logit over it, added up, negative values cut, scaled to a
    maximum of 1: (height, width), float32, all 0 where nothing speaks for the
    class. Selvaraju et al. (2017), "Grad-CAM", ICCV.

    The model maps (n, height, width) to one logit a class and is left as it was, in
    evaluation mode; of another, ``probabilities`` turns outputs into (n, n_classes),
    whose logarithm is then explained. ValueError if it has no convolution.
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
    segments: pd.DataFrame, probabilities: np.ndarray, *, answer: int
) -> pd.DataFrame:
    """What each segment says for the recording's answer.

    From the probabilities (n, k) of a run that answers segments: segment_id, start_s, end_s,
    text, and evidence: log of the answer's probability over that of the strongest other
    level, in nats, above 0 where the segment alone gives the answer.
    """
    p = np.clip(np.asarray(probabilities, dtype=np.float64), np.finfo(np.float64).tiny, None)
    others = np.delete(p, answer, axis=1).max(axis=1)
    return segments[["segment_id", "start_s", "end_s", "text"]].assign(
        evidence=np.log(p[:, answer] / others)
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

    Its true level is ``level``; ``levels`` are those by recording_id of the recordings to
    compare with. One row per measure (index of ``measures``: recording_id): measure,
    value, the medians of recordings of the level below, of the level itself and of
    the level above (below, at, above; NaN where fewer than ``MIN_RECORDINGS`` have
    the level), spread (interquartile range of all compared recordings; NaN where it is
    0), and margin: by how much the value is nearer to its own level's median
    than to the nearest neighbour's, in spreads. A measure that is odd for every level has
    none. Largest margin first.
    """
    compared = measures.loc[measures.index.intersection(levels.index).drop(recording_id, "ignore")]
    spread = compared.quantile(0.75) - compared.quantile(0.25)
    table = pd.DataFrame({"value": measures.loc[recording_id]})
    code = list(classes).index(level)
    for name, neighbour in (("below", code - 1), ("at", code), ("above", code + 1)):
        named = classes[neighbour] if 0 <= neighbour < len(classes) else None
        rows = compared[levels.reindex(compared.index) == named]
        table[name] = rows.median().where(rows.count() >= MIN_RECORDINGS)
    gaps = table[["below", "at", "above"]].sub(table["value"], axis=0).abs()
    nearest = gaps[["below", "above"]].min(axis=1)
    table["spread"] = spread.where(spread > 0)
    table["margin"] = (nearest - gaps["at"]) / table["spread"]
    table = table.rename_axis("measure").reset_index()
    return table.sort_values("margin", ascending=False, ignore_index=True, kind="stable")


def perform_explanation(
    inputs: Inputs, answers: AllAnswers, *, ranked: Sequence[str], config: Config
) -> tuple[dict[str, Any] | None, dict[str, Sketch]]:
    """Explain the recording that the best run is surest of and right about.

    Its segments are explained by the best run that answers segments, whose answer may be
    another. A mel image is explained by the best network on images, if there is one, on the
    recording that this network is surest of and right about. Titles say whose answer it is. The
    measures are compared with those of the levels: no model is asked there.
    Gives the document ``explanation`` (None if no run answers a recording) and
    figures by name; ``ranked`` are the runs, best first.
    """
    ranked = [name for name in ranked if (name, "recording") in answers]
    if not ranked:
        return None, {}
    told = answers[ranked[0], "recording"]
    chosen = clearest(told)
    recording_id = str(told.ids[chosen])
    given = told.predicted[0, chosen]
    predicted = inputs.levels[given]
    document: dict[str, Any] = {
        "run": ranked[0],
        "recording_id": recording_id,
        "level": inputs.levels[told.truth[chosen]],
        "predicted": predicted,
        "confidence": float(told.probabilities[0, chosen, given]),
    }
    figures: dict[str, Sketch] = {}
    for seen, drawn in (
        _segments(inputs, answers, ranked, recording_id, config),
        _image(inputs, answers, ranked, config),
    ):
        document |= seen
        figures |= drawn
    if inputs.measures is not None and recording_id in inputs.measures.index:
        split = inputs.split.set_index("recording_id")
        trained = split["level"][split["fold"] != split["fold"][recording_id]]
        differences = measure_differences(
            inputs.measures, trained, recording_id, level=document["level"], classes=inputs.levels
        )
        units = {one.name: one.unit for one in measures_of(config.scraping.language)}
        differences["unit"] = differences["measure"].map(units)
        document["measures"] = _records(differences)
        title = f"recording {recording_id} ({document['level']}): its measures beside the levels'"
        figures["explanation_measures"] = partial(draw_measures, differences, title)
    return document, figures


def clearest(told: Answers) -> int:
    """The number of the recording that the first seed answers rightly and most surely.

    Where no answer is right it is the surest one; the first by id in a tie.
    """
    given = told.predicted[0]
    sure = told.probabilities[0, np.arange(given.size), given]
    return int(np.argmax(sure + (given == told.truth)))


def _evidence_of(
    inputs: Inputs, answers: AllAnswers, run: str, recording_id: str
) -> tuple[pd.DataFrame, str] | None:
    """What each segment says for the run's own answer, and that answer; None if it has none."""
    told, of_segments = (answers.get((run, unit)) for unit in ("recording", "segment"))
    if told is None or of_segments is None or recording_id not in told.ids:
        return None
    answer = told.predicted[0, list(told.ids).index(recording_id)]
    place = pd.Series(np.arange(of_segments.ids.size), index=of_segments.ids)
    mine = inputs.segments[inputs.segments["recording_id"] == recording_id]
    mine = mine[mine["segment_id"].isin(place.index)].sort_values("start_s")
    if mine.empty:
        return None
    p = of_segments.probabilities[0, place[mine["segment_id"]]]
    return segment_evidence(mine, p, answer=answer), inputs.levels[answer]


def _segments(
    inputs: Inputs, answers: AllAnswers, ranked: Sequence[str], recording_id: str, config: Config
) -> tuple[dict[str, Any], dict[str, Sketch]]:
    """The segments of the recording by the best run that tells them apart."""
    for run in ranked:
        told = _evidence_of(inputs, answers, run, recording_id)
        # A run on whole recordings gives all its segments one answer: that explains nothing.
        if told is None or told[0]["evidence"].nunique() < 2:
            continue
        evidence, answer = told
        evidence["attention"] = _attention(run, evidence["segment_id"], config)
        # With weights, those without one lie outside the crop that the run answers from.
        heard = (
            evidence.dropna(subset="attention") if evidence["attention"].notna().any() else evidence
        )
        document = {"segments_run": run, "segments_answer": answer}
        document["segments"] = _records(heard.sort_values("evidence", ascending=False))
        level = _level_of(inputs, recording_id)
        title = f"recording {recording_id} ({level}): {answer} by {run}"
        return document, {"explanation_segments": partial(draw_segments, evidence, title)}
    return {}, {}


def _attention(run: str, segment_ids: pd.Series, config: Config) -> np.ndarray | float:
    path = stage_folder(config, "neural_networks") / run / "attention.parquet"
    if not path.exists():
        return np.nan
    table = read_table(path, columns=("segment_id", "weight", "seed"))
    weights = table[table["seed"] == 0].set_index("segment_id")["weight"]
    return weights.reindex(segment_ids).to_numpy(dtype=np.float64)


def _level_of(inputs: Inputs, recording_id: str) -> str:
    return str(inputs.split.set_index("recording_id")["level"][recording_id])


def _image(
    inputs: Inputs, answers: AllAnswers, ranked: Sequence[str], config: Config
) -> tuple[dict[str, Any], dict[str, Sketch]]:
    """Grad-CAM of the best network on images, where it is right and surest.

    Of that recording the segment with words that says most for the answer.
    """
    stage = stage_folder(config, "neural_networks")
    cards = {name: read_json(stage / name / "config.json") for name in ranked}
    reading = [name for name in ranked if cards[name].get("inputs") in ("image", "log_mel")]
    if not reading or not (stage_folder(config, "processing") / "log_mel.npy").exists():
        return {}, {}
    run = reading[0]
    of_run = answers[run, "recording"]
    recording_id = str(of_run.ids[clearest(of_run)])
    told = _evidence_of(inputs, answers, run, recording_id)
    if told is None:
        return {}, {}
    evidence, answer = told
    spoken = evidence[evidence["text"].fillna("").str.strip() != ""]
    clear = evidence.loc[(evidence if spoken.empty else spoken)["evidence"].idxmax()]
    row = int(np.flatnonzero(inputs.segments["segment_id"] == clear["segment_id"])[0])
    fold = inputs.split.set_index("recording_id")["fold"][recording_id]
    trained = load_run_model(stage / run / "seed_0" / f"fold_{fold}")
    log_mel = load_arrays(config)[0][row : row + 1]
    image, heat = _image_and_heat(trained, log_mel, inputs.levels.index(answer))
    kappa, level = of_run.kappa(), _level_of(inputs, recording_id)
    title = (
        f"recording {recording_id} ({level}) from {clear['start_s']:.1f} s: "
        f"{answer} by {run} (kappa {kappa:.2f})"
    )
    seen = {"image_run": run, "image_recording": recording_id, "image_level": level}
    seen |= {"image_answer": answer, "image_segment": clear["segment_id"]}
    seen["image_kappa"] = None if math.isnan(kappa) else kappa
    axes = {"length_s": float(clear["end_s"] - clear["start_s"]), "n_mels": log_mel.shape[1]}
    axes["sample_rate"] = config.processing.sample_rate
    return seen, {"explanation_gradcam": partial(draw_gradcam, image, heat, title, **axes)}


def _image_and_heat(trained: RunModel, log_mel: np.ndarray, code: int) -> tuple[np.ndarray, ...]:
    """One segment (1, n_mels, n_frames) as a grey image, and its heat map for a level's code."""
    if trained.card["inputs"] == "image":
        image = to_image(log_mel, trained.card["image_size"])[0]
        return image, gradcam(trained.model, torch.as_tensor(image), code)
    heard = torch.as_tensor(np.array(log_mel[0]))
    of_head = HEADS[trained.card["head"]].probabilities
    heat = gradcam(trained.model, heard, code, probabilities=of_head)
    return to_image(log_mel, len(heard))[0], to_image(heat[None], len(heard))[0]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {n: None if isinstance(v, float) and math.isnan(v) else v for n, v in row.items()}
        for row in table.head(N_TOLD).to_dict("records")
    ]
