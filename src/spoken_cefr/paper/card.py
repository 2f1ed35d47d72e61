"""The model card: what the trained runs are, for whom, and what they score.

Written from the folder of results that the paper reads too, so that the card in
git can be held against the results in git. Mitchell et al. (2019), "Model
Cards for Model Reporting".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.speakers import PARTS
from spoken_cefr.evaluation.catalogue import read_counts
from spoken_cefr.evaluation.scores.results import read_results, summary_table
from spoken_cefr.paper.build import results_folder
from spoken_cefr.paths import ROOT
from spoken_cefr.store import read_json, write_text

BASELINES_OF_CATALOGUE = Path("data/fr_catalogue_2025-01_baselines.json")

INTENDED = """\
A teacher looks for listening material and wants to know for which level of the Common European
Framework (CEFR) a recording suits. The answer is advice: the teacher listens before using it.
"""

NOT_FOR = """\
- **Not for grading people.** The site's speakers are native; the level says for whom a recording
  suits as listening material. Learners' speech was never seen.
- Not for selecting, ranking or profiling speakers. Level goes with age in the data: what looks like
  a low level may be a child's voice.
- Not for other kinds of speech (telephone, broadcast, dialogue, noise) or other languages without
  an evaluation of one's own.
"""

ETHICS = """\
- Voices are personal data. Children and adolescents speak in {minors:.0%} of the real catalogue's
  recordings. No recording, row or transcript of it is in the repository; a model trained on real
  voices should be passed on only after thinking about what it gives away.
- The site's terms allow teaching and personal use, not redistribution: `data/README.md`.
- Levels are single labels; how well two people would agree on them is unknown, and so is the best
  score that can be reached.
- Model files are safetensors: loading one runs no code.
"""


def write_model_card(config: Config) -> Path:
    """Write the card of a profile, ``model_card.md`` in its data folder, from its paper's results.

    Raises
    ------
    InputError
        If the results were not collected (:func:`spoken_cefr.paper.build.collect`).
    """
    path = config.data_path / "model_card.md"
    write_text(path, model_card(results_folder(config)))
    return path


def model_card(results: Path, *, root: Path = ROOT) -> str:
    """The card as Markdown, with the header that model hubs read.

    Parameters
    ----------
    results : Path
        Folder of collected results; a relative one starts at ``root``.
    """
    folder = root / results
    document = read_json(folder / "results.json")
    pipeline = read_json(folder / "pipeline.json")
    scores = read_results(folder)
    catalogue = read_json(root / BASELINES_OF_CATALOGUE)
    sections = {
        "What the models do": _task(document),
        "Intended use": INTENDED,
        "What they must not be used for": NOT_FOR,
        "Trained and tested on": _data(document, pipeline),
        "Runs": _runs(scores, document, pipeline),
        "Results": _results(scores, document),
        "Above the shortcuts?": _shortcuts(folder, document, catalogue),
        "Does it hear level?": _audit(folder),
        "Limits and ethics": ETHICS.format(minors=_share_of_minors()),
        "How they were made": _making(pipeline),
    }
    body = "\n".join(f"## {title}\n\n{text}" for title, text in sections.items() if text)
    notice = f"> **{document['notice']}**\n\n" if document["notice"] else ""
    title = f"# Model card: spoken_cefr, profile {document['profile']}\n\n"
    return (
        _header(pipeline["settings"]["scraping"]["language"])
        + title
        + notice
        + "Written by `spoken-cefr paper` from the results; do not edit by hand.\n\n"
        + body
    )


def _header(language: str) -> str:
    return (
        f"---\nlanguage: {language}\nlicense: mit\nlibrary_name: spoken-cefr\n"
        "pipeline_tag: audio-classification\ntags: [cefr, listening, speech]\n"
        "metrics: [accuracy, f1]\n---\n\n"
    )


def _task(document: dict[str, Any]) -> str:
    levels = ", ".join(document["levels"])
    return (
        f"Given a spoken recording, each gives a probability for each level, {levels}: for which "
        "learners it suits as listening material.\n"
    )


def _data(document: dict[str, Any], pipeline: dict[str, Any]) -> str:
    levels = document["levels"]
    rows = []
    for part in ("all", *PARTS):
        counts = document["counts"][part]
        of_levels = [counts["recordings"][level] for level in levels]
        totals = [counts["speakers"], counts["recordings"]["all"], counts["segments"]["all"]]
        rows.append([part, *totals, *of_levels])
    head = ["part", "speakers", "recordings", "segments", *(f"of {level}" for level in levels)]
    dropped = pipeline["stages"]["processing"]["reasons"]
    told = "; ".join(f"{reason}: {n}" for reason, n in dropped.items())
    return _table(head, rows) + (
        "\nNo speaker is in two folds or parts. Every recording is answered by models of other "
        f"folds ({document['n_folds']} folds); the parts are those of the study's 80/20 split, one "
        "of these folds." + (f" Left out before: {told}." if told else "") + "\n"
    )


def _runs(scores: pd.DataFrame, document: dict[str, Any], pipeline: dict[str, Any]) -> str:
    rows = [
        [f"`{run}`", document["runs"][run], _count(pipeline["runs"][run]["n_parameters"])]
        for run in _ours(scores, document)
    ]
    return _table(["run", "what it is", "parameters"], rows)


def _results(scores: pd.DataFrame, document: dict[str, Any]) -> str:
    table = summary_table(scores[scores["unit"] == "recording"])
    shown = table.drop(columns=["unit", "n", "speakers"])
    everything = document["counts"]["all"]
    n_recordings, n_speakers = everything["recordings"]["all"], everything["speakers"]
    return (
        f"{n_recordings} recordings of {n_speakers} speakers, out of fold; in brackets, "
        f"{document['confidence']:.0%} intervals over speakers, behind them the lowest and the "
        "highest of the seeds. Baselines come first; kappa is quadratic weighted. Levels crowd in "
        "the middle: read accuracy within one level beside that of `majority`.\n\n"
    ) + _table(list(shown.columns), shown.to_numpy().tolist())


def _shortcuts(folder: Path, document: dict[str, Any], catalogue: dict[str, Any]) -> str:
    table = pd.read_csv(folder / "exceeds.csv", dtype=str, keep_default_na=False)
    chosen = table[(table["unit"] == "recording") & table["metric"].eq("quadratic_weighted_kappa")]
    answers = {"True": "yes", "False": "no", "": "cannot be told: too few speakers"}
    rows = [[f"`{run}`", answers[told]] for run, told in chosen[["run", "exceeds_all"]].to_numpy()]
    of_catalogue = catalogue["label_sets"]["keep"]["baselines"]
    bar = of_catalogue["all_metadata"]
    return (
        _table(["run", "exceeds every baseline in kappa"], rows)
        + f"\nOn the real French catalogue ({catalogue['source']['n_usable']:,} recordings), "
        f"metadata alone reach an accuracy of {bar['accuracy']['value']:.2f} and a kappa of "
        f"{bar['quadratic_weighted_kappa']['value']:.2f}: a model of real recordings has to stand "
        "above that.\n"
    )


def _share_of_minors() -> float:
    counts = read_counts()
    minors = counts["age_group"].isin(["enfant", "adolescent"])
    return counts["recordings"][minors].sum() / counts["recordings"].sum()


def _audit(folder: Path) -> str:
    path = folder / "audit.json"
    return read_json(path)["verdict"] + "\n" if path.exists() else ""


def _making(pipeline: dict[str, Any]) -> str:
    settings = pipeline["settings"]
    networks = settings["neural_networks"]
    return (
        f"spoken_cefr {pipeline['version']}, seed {settings['seed']}; transcription by Whisper "
        f"`{settings['processing']['model']}`, speech encoder `{networks['speech_encoder']}`, text "
        f"encoder `{networks['text_encoder']}`, balance `{networks['balance']}`. "
        "`spoken-cefr run`, then `spoken-cefr paper`, make the models, the scores and this card "
        "again.\n"
    )


def _ours(scores: pd.DataFrame, document: dict[str, Any]) -> list[str]:
    return [run for run in dict.fromkeys(scores["run"]) if run not in document["baselines"]]


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)
