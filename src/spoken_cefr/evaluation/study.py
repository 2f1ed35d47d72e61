"""The original study's tables beside ours.

What the study published is in ``data/study_tables.toml``, as facts. Its tables
1 to 5 are made again here from whatever corpus is loaded, each cell next to the
published one and to the constant predictor's. What the published integers say
when recomputed is in ``data/study_reanalysis.json``, by ``tools/reanalyse_study.py``.
"""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from spoken_cefr.config import NeuralNetworksConfig
from spoken_cefr.evaluation.reading import UNITS
from spoken_cefr.paths import ROOT

STUDY = ROOT / "data" / "study_tables.toml"
REANALYSIS = ROOT / "data" / "study_reanalysis.json"
BATCH_SIZES: tuple[int, ...] = (50, 128, 256)


def read_study() -> dict[str, Any]:
    """Read what the study published."""
    return tomllib.loads(STUDY.read_text(encoding="utf-8"))


def table_1(
    study: Mapping[str, Any], units: pd.DataFrame, *, levels: Sequence[str]
) -> pd.DataFrame:
    """Recordings and segments of each level, the study's and ours.

    level (the last one is "all"), study_recordings, study_segments, recordings,
    segments. A level that only one of both has counts 0 there.
    """
    published = study["table_1"]
    names = list(dict.fromkeys([*published["recordings"], *levels]))
    columns = {f"study_{unit}s": pd.Series(published[f"{unit}s"]) for unit in UNITS}
    columns |= {f"{unit}s": units["level"][units["unit"] == unit].value_counts() for unit in UNITS}
    table = pd.DataFrame(columns).reindex(names).fillna(0).astype(int)
    table.loc["all"] = table.sum()
    return table.rename_axis("level").reset_index()


def inputs_here(published: str, options: NeuralNetworksConfig) -> str:
    """What a run of this build reads where the study's network read ``published``."""
    context = {"window": "30 s windows", "segment": "one segment at a time"}
    ours = {
        "wav2vec2": f"{options.speech_encoder}, layer {options.speech_layer}, "
        f"{options.speech_pooling}, {context[options.speech_context]}",
        "BERT": options.text_encoder,
    }
    name, _, more = published.partition(", ")
    return ", ".join(filter(None, [ours.get(name, name), more]))


def networks_table(
    study: Mapping[str, Any], results: pd.DataFrame, options: NeuralNetworksConfig
) -> pd.DataFrame:
    """Tables 2 to 5, one row a cell: the study's, ours, and both constant predictors'.

    inputs are the study's, status is "run" or "not run". Scores are those of
    segments; empty where there is no such run.
    """
    segments = results[results["unit"] == "segment"].set_index("run")
    ours = ["n", "n_speakers", "accuracy", "accuracy_low", "accuracy_high"]
    ours += ["accuracy_seed_low", "accuracy_seed_high", "log_loss"]
    constant = segments.loc["majority"] if "majority" in segments.index else {}
    always_b1 = study["parts"]["test"]["b1"] / study["parts"]["test"]["all"]
    rows = []
    for network in study["networks"]:
        for size in (one for one in BATCH_SIZES if str(one) in network["accuracy"]):
            run = f"{network['run']}_{size}"
            known = run in segments.index
            rows.append(
                {
                    "table": network["table"],
                    "inputs": network["inputs"],
                    "our_inputs": inputs_here(network["inputs"], options),
                    "architecture": network["architecture"],
                    "batch_size": size,
                    "study_accuracy": network["accuracy"][str(size)],
                    "study_loss": network["loss"][str(size)],
                    "study_constant_accuracy": always_b1,
                    "run": run,
                    "status": "run" if known else "not run",
                }
                | {name: segments.loc[run, name] if known else None for name in ours}
                | {f"constant_{n}": constant.get(n) for n in ("accuracy", "log_loss")}
            )
    return pd.DataFrame(rows).astype({"n": "Int64", "n_speakers": "Int64"})
