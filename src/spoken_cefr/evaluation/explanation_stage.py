"""One recording explained: which one, by which runs, and what is written of it.

Of each run it is explained what the first seed answered: one model, the one that
was trained without the recording's fold.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.explanations import (
    gradcam,
    measure_differences,
    segment_evidence,
)
from spoken_cefr.evaluation.scores.results import rows_of
from spoken_cefr.evaluation.tables import Inputs, read_table
from spoken_cefr.figures.explanations import (
    draw_gradcam,
    draw_measures,
    draw_segments,
)
from spoken_cefr.figures.style import Sketch
from spoken_cefr.neural_networks.networks.heads import HEADS
from spoken_cefr.neural_networks.saved import load_run_model
from spoken_cefr.processing.audio import to_image
from spoken_cefr.processing.stage import load_arrays
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_json

N_TOLD = 5  # segments and measures in the document


@dataclass(frozen=True)
class Explanation:
    """The document ``explanation`` (None if no run answers a test recording) and its figures."""

    document: dict[str, Any] | None = None
    figures: dict[str, Sketch] = field(default_factory=dict)


def perform_explanation(
    inputs: Inputs,
    runs: Mapping[str, pd.DataFrame],
    measures: pd.DataFrame | None,
    *,
    ranked: Sequence[str],
    config: Config,
) -> Explanation:
    """Explain the recording that the best run is surest of and right about.

    Segments are explained by the best run that answers segments, the image by
    the best network on mel images, each if there is one. Each explains its own
    answer, which may be another than the best run's: the title says whose it is.

    Parameters
    ----------
    measures : pd.DataFrame or None
        Index recording_id, one column a measure.
    ranked : sequence of str
        The runs, best first.
    """
    runs = {name: table[table["seed"] == 0] for name, table in runs.items()}
    answering = [name for name in ranked if len(rows_of(runs[name], unit="recording"))]
    if not answering:
        return Explanation()
    run = answering[0]
    chosen = clearest_recording(runs[run], levels=inputs.levels)
    document: dict[str, Any] = {
        "run": run,
        "recording_id": chosen["recording_id"],
        "level": chosen["level"],
        "predicted": chosen["predicted"],
        "confidence": float(chosen[f"p_{chosen['predicted']}"]),
    }
    figures: dict[str, Sketch] = {}
    evidence = _evidence(inputs, runs, answering, chosen, config)
    if evidence is not None:
        told, of_run, answer, attention_run = evidence
        document |= {"segments_run": of_run, "segments_answer": answer}
        document["attention_run"] = attention_run
        document["segments"] = _records(told.sort_values("evidence", ascending=False))
        title = f"recording {chosen['recording_id']}: {answer} by {of_run}"
        figures["explanation_segments"] = partial(draw_segments, told, title)
    image = _gradcam(inputs, runs, answering, chosen, config)
    if image is not None:
        seen, figures["explanation_gradcam"] = image
        document |= seen
    if measures is not None and chosen["recording_id"] in measures.index:
        train = inputs.split[inputs.split["fold"] != chosen["fold"]]
        differences = measure_differences(
            measures,
            train.set_index("recording_id")["level"],
            chosen["recording_id"],
            level=chosen["predicted"],
            classes=inputs.levels,
        )
        document["measures"] = _records(differences)
        title = f"recording {chosen['recording_id']}, answered {chosen['predicted']}"
        figures["explanation_measures"] = partial(draw_measures, differences, title)
    return Explanation(document, figures)


def clearest_recording(predictions: pd.DataFrame, *, levels: Sequence[str]) -> pd.Series:
    """The row of the recording that is answered rightly and most surely.

    Where no answer is right it is the surest one; the first by id in a tie.
    """
    rows = rows_of(predictions, unit="recording").sort_values("recording_id")
    table = rows[[f"p_{level}" for level in levels]].to_numpy(dtype=np.float64)
    columns = [list(levels).index(name) for name in rows["predicted"]]
    sure = table[np.arange(len(rows)), columns]
    right = (rows["predicted"] == rows["level"]).to_numpy()
    return rows.iloc[int(np.argmax(sure + right))]


def _evidence(
    inputs: Inputs,
    runs: Mapping[str, pd.DataFrame],
    ranked: Sequence[str],
    chosen: pd.Series,
    config: Config,
) -> tuple[pd.DataFrame, str, str, str | None] | None:
    """Segments of the chosen recording, of which run, its answer, and whose attention."""
    for name in ranked:
        told = _evidence_of(inputs, runs[name], chosen["recording_id"])
        # A run on whole recordings gives all its segments one answer: that explains nothing.
        if told is not None and told[0]["evidence"].nunique() > 1:
            attention_run, attention = _attention(ranked, told[0]["segment_id"], config)
            return told[0].assign(attention=attention), name, told[1], attention_run
    return None


def _evidence_of(
    inputs: Inputs, predictions: pd.DataFrame, recording_id: str
) -> tuple[pd.DataFrame, str] | None:
    """What each segment says for the run's own answer, and that answer; None if it has none."""
    of_recording = rows_of(predictions, unit="recording").set_index("recording_id")
    answered = rows_of(predictions, unit="segment").set_index("id")
    mine = inputs.segments[inputs.segments["recording_id"] == recording_id]
    mine = mine[mine["segment_id"].isin(answered.index)].sort_values("start_s")
    if mine.empty or recording_id not in of_recording.index:
        return None
    answer = of_recording.at[recording_id, "predicted"]
    table = answered.loc[mine["segment_id"], [f"p_{level}" for level in inputs.levels]]
    probabilities = table.to_numpy(dtype=np.float64)
    return segment_evidence(mine, probabilities, answer=inputs.levels.index(answer)), answer


def _attention(
    ranked: Sequence[str], segment_ids: pd.Series, config: Config
) -> tuple[str | None, np.ndarray | None]:
    """Attention weights of the best run that wrote some."""
    for name in ranked:
        path = stage_folder(config, "neural_networks") / name / "attention.parquet"
        if path.exists():
            table = read_table(path, columns=("segment_id", "weight", "seed"))
            table = table[table["seed"] == 0].set_index("segment_id")
            return name, table["weight"].reindex(segment_ids).to_numpy(dtype=np.float64)
    return None, None


def _gradcam(
    inputs: Inputs,
    runs: Mapping[str, pd.DataFrame],
    ranked: Sequence[str],
    chosen: pd.Series,
    config: Config,
) -> tuple[dict[str, str], Sketch] | None:
    """Grad-CAM of a convolutional network's own answer, on the segment that speaks most for it."""
    stage = stage_folder(config, "neural_networks")
    name = next((name for name in ranked if _reads_images(stage / name)), None)
    if name is None or not (stage_folder(config, "processing") / "log_mel.npy").exists():
        return None
    told = _evidence_of(inputs, runs[name], chosen["recording_id"])
    if told is None:
        return None
    evidence, answer = told
    clearest = evidence.loc[evidence["evidence"].idxmax()]
    row = int(np.flatnonzero(inputs.segments["segment_id"] == clearest["segment_id"])[0])
    trained = load_run_model(stage / name / "seed_0" / f"fold_{chosen['fold']}")
    log_mel = load_arrays(config)[0][row : row + 1]
    level = inputs.levels.index(answer)
    if trained.card["inputs"] == "image":
        image = to_image(log_mel, trained.card["image_size"])[0]
        heat = gradcam(trained.model, torch.as_tensor(image), level)
    else:
        heard = torch.as_tensor(np.array(log_mel[0]))
        of_head = HEADS[trained.card["head"]].probabilities
        heat = gradcam(trained.model, heard, level, probabilities=of_head)
        image, heat = (to_image(one, len(heard))[0] for one in (log_mel, heat[None]))
    title = f"{clearest['segment_id']}, {clearest['start_s']:.1f} s: {answer} by {name}"
    seen = {"image_run": name, "image_answer": answer, "image_segment": clearest["segment_id"]}
    return seen, partial(draw_gradcam, image, heat, title)


def _reads_images(folder: Path) -> bool:
    try:
        card = read_json(folder / "config.json")
    except InputError:
        return False
    return card.get("inputs") in ("image", "log_mel")


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The first rows as JSON values."""
    return [
        {name: _plain(value) for name, value in row.items()}
        for row in table.head(N_TOLD).to_dict("records")
    ]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
