"""The audit's part of the stage: from what lies in the folders to its tables and figures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.scores.groups import group_table
from spoken_cefr.evaluation.shortcuts.audit import probe_table, run_table
from spoken_cefr.evaluation.shortcuts.learning_curve import learning_curve
from spoken_cefr.evaluation.shortcuts.retraining import audited_runs, perform_retraining
from spoken_cefr.evaluation.shortcuts.targets import audit_targets, cards_of
from spoken_cefr.evaluation.shortcuts.vectors import sound_vectors, speech_vectors
from spoken_cefr.evaluation.shortcuts.verdict import verdict
from spoken_cefr.evaluation.tables import Inputs, read_table
from spoken_cefr.figures.audit import draw_audit, draw_groups, draw_learning_curve
from spoken_cefr.figures.style import Sketch
from spoken_cefr.neural_networks.inputs import speech_embeddings
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_json

# Cropped or silent vectors tell the audit; the curve is about whole recordings.
CURVE_VECTORS: tuple[str, ...] = ("duration", "mel", "speech", "measures")


@dataclass(frozen=True)
class Audit:
    """Tables by name of their file, the document ``audit``, figures by name, remarks."""

    tables: dict[str, pd.DataFrame]
    document: dict[str, Any]
    figures: dict[str, Sketch]
    remarks: list[dict[str, str]]


def perform_audit(
    inputs: Inputs,
    runs: Mapping[str, pd.DataFrame],
    exceeds: pd.DataFrame,
    measures: pd.DataFrame | None,
    *,
    best: str | None,
    config: Config,
) -> Audit:
    """Ask the probes, train networks again, score the runs by group, and draw the learning curve.

    Parameters
    ----------
    exceeds : pd.DataFrame
        As ``exceeds.csv``.
    measures : pd.DataFrame or None
        Index recording_id, one column a measure.
    best : str or None
        The run that the paragraph and the figure of groups are about.
    """
    cards = cards_of(inputs)
    vectors, remarks = recording_vectors(inputs, cards, measures, runs, config)
    targets = audit_targets(cards, inputs.levels)
    probes, unasked = probe_table(
        vectors, targets, cards["speaker_id"], cards["duration_class"], config=config
    )
    of_runs = run_table(runs, cards["duration_class"], config=config, levels=inputs.levels)
    audited, unfinished = audited_runs(config, list(runs), best)
    retrained = perform_retraining(audited, runs, inputs, targets, config=config)
    audit = _joined(probes, of_runs, retrained.audit)
    curve = learning_curve(
        {name: vectors[name] for name in CURVE_VECTORS if name in vectors},
        targets["level"],
        cards["speaker_id"],
        config=config,
    )
    curve = _joined(curve, retrained.curve)
    groups = group_table(runs, cards, config=config, levels=inputs.levels)
    n_test_speakers = cards["speaker_id"].nunique()
    figures = {
        "audit": partial(draw_audit, audit),
        "learning_curve": partial(draw_learning_curve, curve),
    }
    if best:
        figures["groups"] = partial(draw_groups, groups, best)
    return Audit(
        tables={"audit": audit, "audit_groups": groups, "learning_curve": curve},
        document=verdict(audit, exceeds, run=best, n_test_speakers=n_test_speakers, config=config),
        figures=figures,
        remarks=remarks + unasked + unfinished + retrained.remarks,
    )


def _joined(*tables: pd.DataFrame) -> pd.DataFrame:
    """One table below the other; pandas is about to mind empty ones."""
    return pd.concat([one for one in tables if len(one)] or tables[:1], ignore_index=True)


def recording_vectors(
    inputs: Inputs,
    cards: pd.DataFrame,
    measures: pd.DataFrame | None,
    runs: Iterable[str],
    config: Config,
) -> tuple[dict[str, pd.DataFrame], list[dict[str, str]]]:
    """Every kind of vector that the earlier stages left something for, by name.

    Returns
    -------
    dict of str to pd.DataFrame, list of dict
        Index recording_id; and a remark for each kind that is missing.
    """
    log_s = np.log(cards["duration_s"].where(cards["duration_s"] > 0)).dropna()
    vectors = {"duration": log_s.to_frame()}
    remarks = []
    processing = stage_folder(config, "processing")
    if (processing / "log_mel.npy").exists() and (processing / "words.parquet").exists():
        words = read_table(
            processing / "words.parquet", columns=("recording_id", "start_s", "end_s")
        )
        log_mel = np.load(processing / "log_mel.npy", mmap_mode="r", allow_pickle=False)
        vectors |= sound_vectors(
            log_mel,
            inputs.segments,
            words,
            hop_s=config.processing.hop_length / config.processing.sample_rate,
            segment_s=config.processing.segment_s,
        )
    else:
        reason = "no log_mel.npy or words.parquet in processing: no probe of the sound"
        remarks.append({"id": "audit", "reason": reason})
    if measures is not None:
        vectors["measures"] = measures
    if any(_hears_embeddings(name, config) for name in runs):  # then they are made already
        try:
            embedded = speech_embeddings(config, inputs.segments)
            vectors |= speech_vectors(embedded, inputs.segments)
        except InputError as error:
            remarks.append({"id": "audit: speech", "reason": str(error)})
    for name, table in vectors.items():
        missing = len(cards) - cards.index.isin(table.index).sum()
        if missing:
            reason = f"{missing} of {len(cards)} recordings have no vector of this kind"
            remarks.append({"id": f"audit: {name}", "reason": reason})
    return vectors, remarks


def _hears_embeddings(run: str, config: Config) -> bool:
    """Whether a finished run reads speech embeddings, alone or among other inputs."""
    card = read_json(stage_folder(config, "neural_networks") / run / "config.json")
    return card.get("inputs") in ("speech_embedding", "fusion")
