"""The model card: what the trained runs are, for whom, and what they score.

Its words are in ``card.md.j2``. Written from the folder of results that the
paper reads too, so that the card in git can be held against the results in git.
Mitchell et al. (2019), "Model Cards for Model Reporting".
"""

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.speakers import PARTS
from spoken_cefr.evaluation.catalogue import read_counts
from spoken_cefr.evaluation.scores.results import read_results, summary_table
from spoken_cefr.paper.build import results_folder
from spoken_cefr.paths import ROOT
from spoken_cefr.store import read_json, write_text

BASELINES_OF_CATALOGUE = Path("data/fr_catalogue_2025-01_baselines.json")


def write_model_card(config: Config) -> Path:
    """Write the card of a profile, ``model_card.md`` in its data folder, from its paper's results.

    InputError if they were not collected (`paper.build.collect`).
    """
    path = config.data_path / "model_card.md"
    write_text(path, model_card(results_folder(config)))
    return path


def model_card(results: Path, *, root: Path = ROOT) -> str:
    """The card as Markdown, with the header that model hubs read.

    ``results`` is a folder of collected results; a relative one starts at ``root``.
    """
    folder = root / results
    document = read_json(folder / "results.json")
    pipeline = read_json(folder / "pipeline.json")
    scores = read_results(folder)
    audit = folder / "audit.json"
    of_recordings = summary_table(scores[scores["unit"] == "recording"])
    return _template().render(
        document=document,
        pipeline=pipeline,
        catalogue=read_json(root / BASELINES_OF_CATALOGUE),
        levels_head=[f"of {level}" for level in document["levels"]],
        parts=[_part(name, document) for name in ("all", *PARTS)],
        runs=_runs(scores, document, pipeline),
        scores=of_recordings.drop(columns=["unit", "n", "speakers"]),
        exceeds=_exceeds(folder),
        verdict=read_json(audit)["verdict"] if audit.exists() else "",
        minors=_share_of_minors(),
    )


def _template() -> jinja2.Template:
    return jinja2.Template(
        Path(__file__).with_name("card.md.j2").read_text("utf-8"),
        undefined=jinja2.StrictUndefined,  # a number that is missing is an error, not a gap
        trim_blocks=True,
        keep_trailing_newline=True,
    )


def _part(name: str, document: dict[str, Any]) -> list[object]:
    counts = document["counts"][name]
    totals = [counts["speakers"], counts["recordings"]["all"], counts["segments"]["all"]]
    return [name, *totals, *(counts["recordings"][level] for level in document["levels"])]


def _runs(
    scores: pd.DataFrame, document: dict[str, Any], pipeline: dict[str, Any]
) -> list[list[str]]:
    rows = []
    for run in dict.fromkeys(scores["run"]):
        if run not in document["baselines"]:
            n = pipeline["runs"][run]["n_parameters"]
            rows.append([f"`{run}`", document["runs"][run], "-" if n is None else f"{n:,}"])
    return rows


def _exceeds(folder: Path) -> list[list[str]]:
    """Each run, and whether its kappa on recordings is above that of every baseline."""
    table = pd.read_csv(folder / "exceeds.csv", dtype=str, keep_default_na=False)
    chosen = table[(table["unit"] == "recording") & table["metric"].eq("quadratic_weighted_kappa")]
    answers = {"True": "yes", "False": "no", "": "cannot be told: too few speakers"}
    return [[f"`{run}`", answers[told]] for run, told in chosen[["run", "exceeds_all"]].to_numpy()]


def _share_of_minors() -> float:
    counts = read_counts()
    minors = counts["age_group"].isin(["enfant", "adolescent"])
    return counts["recordings"][minors].sum() / counts["recordings"].sum()
