"""The stage: score every run beside the baselines, write the tables and the figures."""

from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from spoken_cefr.config import Config
from spoken_cefr.evaluation.explanations import perform_explanation
from spoken_cefr.evaluation.reading import (
    Inputs,
    read_descriptions,
    read_histories,
    read_inputs,
    read_runs,
    read_texts,
)
from spoken_cefr.evaluation.scores.answers import (
    AllAnswers,
    all_answers,
    ranked_runs,
    repeats_recordings,
)
from spoken_cefr.evaluation.scores.calibration import coarser
from spoken_cefr.evaluation.scores.differences import (
    agreement_table,
    difference_table,
    exceeds_table,
)
from spoken_cefr.evaluation.scores.intervals import Bootstrap, bootstrap_of
from spoken_cefr.evaluation.scores.mistakes import mistakes_table
from spoken_cefr.evaluation.scores.results import Score, confusion_table, results_document, score
from spoken_cefr.evaluation.shortcuts.audit import perform_audit
from spoken_cefr.evaluation.shortcuts.baselines import BASELINES, all_baselines
from spoken_cefr.evaluation.study import REANALYSIS, networks_table, read_study, table_1
from spoken_cefr.figures.corpus import draw_age, draw_classes, draw_data_balancing
from spoken_cefr.figures.results import (
    draw_calibration,
    draw_confusion,
    draw_learning_curves,
    draw_per_class,
    draw_scores,
)
from spoken_cefr.figures.style import Sketch, save_figure
from spoken_cefr.neural_networks.split import study_test_fold
from spoken_cefr.progress import progress
from spoken_cefr.stages import Report, begin_stage, finish_stage, is_done, read_report, stage_folder
from spoken_cefr.store import read_json, write_csv, write_json

SHOWN_BASELINES: tuple[str, ...] = ("majority", "duration_only", "all_metadata")
# There may be dozens of runs; figures show those that validation ranks first.
N_SHOWN = 6  # where each run has a panel or a curve
N_ROWS = 12  # where each has a row
# The paper prints these, as lines; a notebook shows the smaller PNG.
PRINTED = (
    "audit",
    "calibration_recording",
    "confusion_",
    "learning_curve",
    "scores_recording",
)  # how their names begin


@threadpool_limits.wrap(limits=1)  # small matrices: more threads only get in each other's way
def run(config: Config) -> Report:
    """Do the whole stage, or nothing if its folder is up to date.

    A run that cannot be scored is told of in the report and does not stop the
    others.

    Raises
    ------
    InputError
        If a table of an earlier stage is missing or no score on it would mean
        anything (a speaker in two parts, an empty test part).
    """
    if is_done(config, "evaluation"):
        return read_report(config, "evaluation")
    inputs = read_inputs(config)
    begin_stage(config, "evaluation")
    levels = inputs.levels
    runs, dropped, remarks = read_runs(config, inputs, taken=BASELINES)
    ranked = ranked_runs(runs, levels=levels)
    baselines = all_baselines(
        inputs.units,
        inputs.metadata,
        seed=config.seed,
        levels=levels,
        n_seeds=config.neural_networks.n_seeds,
    )
    answers = all_answers({**baselines, **runs}, levels)
    # A baseline is what runs on segments are held against: its copies stay.
    copies = [(run, "segment") for run in runs if (run, "segment") in answers]
    for key in (key for key in copies if repeats_recordings(answers[key])):
        del answers[key]
    bootstrap = bootstrap_of(config)
    scores = score_all(answers, bootstrap, levels=levels)
    tables = score_tables(answers, scores, list(runs), bootstrap, levels=levels)
    audited, audit, drawn, unasked = perform_audit(
        inputs, answers, tables["exceeds"], ranked=ranked, config=config
    )
    explanation, shown = perform_explanation(inputs, answers, ranked=ranked, config=config)
    tables |= audited | study_tables(answers, tables["results"], inputs, config=config)
    tables["mistakes"] = mistakes_table(
        answers, ranked, read_texts(config), inputs.measures, levels=levels
    )
    documents = {
        "results": results_document(
            scores,
            inputs.units,
            BASELINES | read_descriptions(config, runs),
            config=config,
            baselines=list(baselines),
            levels=levels,
        )
        | {"best_run": ranked[0] if ranked else None},
        "audit": audit,
        "explanation": explanation,
        "study": read_json(REANALYSIS),
    }
    histories = read_histories(config, ranked, fold=study_test_fold(inputs.split))
    figures = (
        corpus_figures(inputs)
        | score_figures(
            scores,
            tables,
            histories,
            ranked=ranked,
            levels=levels,
            confidence=config.evaluation.confidence,
        )
        | drawn
        | shown
    )
    written = write_all(config, tables, documents, figures)
    report = Report(
        stage="evaluation",
        unit="run",
        n_in=len(runs) + len(dropped),
        n_out=len(runs),
        dropped=dropped,
        remarks=remarks + unasked,
        figures={
            "baselines": list(baselines),
            "runs": list(runs),
            "best_run": ranked[0] if ranked else None,
            "n_recordings": int((inputs.units["unit"] == "recording").sum()),
            "n_segments": int((inputs.units["unit"] == "segment").sum()),
            "n_figures": len(figures),
        },
    )
    return finish_stage(config, report, written)


def score_all(answers: AllAnswers, bootstrap: Bootstrap, *, levels: Sequence[str]) -> list[Score]:
    """Score every run and baseline on each unit that it answers."""
    return [
        score(answers[name, unit], run=name, unit=unit, bootstrap=bootstrap, levels=levels)
        for name, unit in progress(answers, desc="scores", unit="table")
    ]


def score_tables(
    answers: AllAnswers,
    scores: Sequence[Score],
    runs: Sequence[str],
    bootstrap: Bootstrap,
    *,
    levels: Sequence[str],
) -> dict[str, pd.DataFrame]:
    """The tables that follow from answers and scores alone, by the name of their file."""
    differences = difference_table(answers, runs, list(BASELINES), bootstrap)
    confusion = {f"confusion/{one.name}": confusion_table(one.matrix, levels) for one in scores}
    return confusion | {
        "results": pd.DataFrame([one.row for one in scores]),
        "per_class": pd.DataFrame([row for one in scores for row in one.per_class]),
        "calibration": pd.DataFrame([row for one in scores for row in one.calibration]),
        "differences": differences,
        "exceeds": exceeds_table(differences),
        "agreement": agreement_table(answers, runs, bootstrap),
    }


def study_tables(
    answers: AllAnswers, results: pd.DataFrame, inputs: Inputs, *, config: Config
) -> dict[str, pd.DataFrame]:
    """The study's tables beside ours: of all folds, or of its own split's test part.

    The models are the same: the test part is one of the folds.
    """
    if config.evaluation.study_split:
        tested = inputs.split.loc[inputs.split["part"] == "test", "recording_id"].tolist()
        asked = {key: told.of(np.isin(told.recording_ids, tested)) for key, told in answers.items()}
        asked = {key: told for key, told in asked.items() if told.ids.size}
        scores = score_all(asked, bootstrap_of(config), levels=inputs.levels)
        results = pd.DataFrame([one.row for one in scores])
    study = read_study()
    return {
        "study_table_1": table_1(study, inputs.units, levels=inputs.levels),
        "study_networks": networks_table(study, results, config.neural_networks),
    }


def corpus_figures(inputs: Inputs) -> dict[str, Sketch]:
    """The figures of the study on this corpus, by name."""
    segments = inputs.units[inputs.units["unit"] == "segment"]
    ages = inputs.split[["recording_id", "level"]].merge(
        inputs.metadata[["recording_id", "age_group"]], on="recording_id", how="left"
    )
    return {
        "classes": partial(draw_classes, segments, levels=inputs.levels),
        "age": partial(draw_age, ages, levels=inputs.levels),
        "data_balancing": partial(
            draw_data_balancing, inputs.split, segments, levels=inputs.levels
        ),
    }


def score_figures(
    scores: Sequence[Score],
    tables: Mapping[str, pd.DataFrame],
    histories: Mapping[str, pd.DataFrame],
    *,
    ranked: Sequence[str],
    levels: Sequence[str],
    confidence: float,
) -> dict[str, Sketch]:
    """The figures of scores, by name: of the runs ranked first and of some baselines."""
    figures: dict[str, Sketch] = {}
    trained = [name for name in ranked if name in histories][:N_SHOWN]
    if trained:
        figures["learning_curves"] = partial(
            draw_learning_curves, {n: histories[n] for n in trained}
        )
    for one in scores:
        if one.row["unit"] == "recording" and one.row["run"] in (*SHOWN_BASELINES, *ranked[:1]):
            title = f"{one.row['run']}, {one.row['n']:,} {one.row['unit']}s"
            if one.row["n_seeds"] > 1:
                title += f", mean of {one.row['n_seeds']} seeds"
            sketch = partial(draw_confusion, one.matrix, title, levels=levels)
            figures[f"confusion_{one.name}"] = sketch
    results = tables["results"]
    in_rows = results[results["run"].isin([*BASELINES, *ranked[:N_ROWS]])]
    for unit in results["unit"].unique():
        figures[f"scores_{unit}"] = partial(draw_scores, in_rows, unit=unit, shortcuts=BASELINES)
    answering = set(results["run"][results["unit"] == "recording"])
    shown = [name for name in ranked if name in answering][:N_SHOWN]
    if shown:
        compared = [*SHOWN_BASELINES[1:], *shown[:1]]
        bins = coarser(tables["calibration"], confidence=confidence)
        figures["calibration_recording"] = partial(draw_calibration, bins, shown)
        figures["per_class_recording"] = partial(draw_per_class, tables["per_class"], compared)
    return figures


def write_all(
    config: Config,
    tables: Mapping[str, pd.DataFrame],
    documents: Mapping[str, object],
    figures: Mapping[str, Sketch],
) -> list[Path]:
    """Write a CSV a table, a JSON a document, a PNG or two files a figure; delete what is old."""
    folder = stage_folder(config, "evaluation")
    of_tables = {folder / f"{name}.csv": table for name, table in tables.items()}
    of_documents = {folder / f"{name}.json": document for name, document in documents.items()}
    sketches = {
        folder / "figures" / f"{name}.{kind}": sketch
        for name, sketch in figures.items()
        for kind in ("png", "svg")[: 1 + name.startswith(PRINTED)]
    }
    for path, table in of_tables.items():
        write_csv(path, table)
    for path, document in of_documents.items():
        write_json(path, document)
    draw_all(sketches, notice=config.notice, n_jobs=config.n_jobs)
    written = [*of_tables, *of_documents, *sketches]
    kept = {*written, folder / "report.json", folder / "config.json"}
    for pattern in ("*.csv", "*.json", "confusion/*.csv", "figures/*.*g"):
        for path in set(folder.glob(pattern)) - kept:
            path.unlink()
    return written


def draw_all(sketches: Mapping[Path, Sketch], *, notice: str, n_jobs: int) -> None:
    """Draw each figure into its file, on several cores."""
    tasks = [(sketch, path) for path, sketch in sketches.items()]
    try:
        Parallel(n_jobs=n_jobs)(delayed(save_figure)(*task, notice=notice) for task in tasks)
    except BrokenExecutor:  # a process was killed, as where memory is short: one by one
        for task in tasks:
            save_figure(*task, notice=notice)
