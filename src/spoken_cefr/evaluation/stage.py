"""The stage: score every run beside the baselines, write the tables and the figures."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from spoken_cefr.config import Config
from spoken_cefr.evaluation.explanation_stage import perform_explanation
from spoken_cefr.evaluation.scores.differences import (
    agreement_table,
    difference_table,
    exceeds_table,
)
from spoken_cefr.evaluation.scores.mistakes import mistakes_table
from spoken_cefr.evaluation.scores.results import (
    Score,
    calibration_table,
    per_class_table,
    results_document,
    results_table,
    score,
)
from spoken_cefr.evaluation.shortcuts.audit_stage import perform_audit
from spoken_cefr.evaluation.shortcuts.baselines import BASELINES, all_baselines
from spoken_cefr.evaluation.shortcuts.verdict import ranked_runs
from spoken_cefr.evaluation.study import write_study
from spoken_cefr.evaluation.tables import (
    UNITS,
    Inputs,
    UnusableRun,
    current_runs,
    missing_units,
    read_inputs,
    read_measures,
    read_run,
    read_table,
    run_folders,
)
from spoken_cefr.evaluation.writing import (
    FigureWriter,
    remove_others,
    write_confusion,
    write_documents,
    write_tables,
)
from spoken_cefr.figures.audit import (
    draw_agreement,
    draw_calibration,
    draw_per_class,
)
from spoken_cefr.figures.results import (
    draw_age,
    draw_classes,
    draw_confusion,
    draw_data_balancing,
    draw_learning_curves,
    draw_scores,
)
from spoken_cefr.figures.style import Sketch
from spoken_cefr.progress import progress
from spoken_cefr.stages import Report, begin_stage, finish_stage, is_done, read_report, stage_folder
from spoken_cefr.store import read_json

HISTORY_COLUMNS: tuple[str, ...] = (
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_macro_f1",
)

SHOWN_BASELINES: tuple[str, ...] = ("majority", "duration_only", "all_metadata")
# There may be dozens of runs; figures show those that validation ranks first.
N_SHOWN = 6  # where each run has a panel or a curve
N_ROWS = 12  # where each has a row


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
    levels, folder = inputs.levels, stage_folder(config, "evaluation")
    baselines = all_baselines(
        inputs.units,
        inputs.metadata,
        seed=config.seed,
        levels=levels,
        n_seeds=config.neural_networks.n_seeds,
    )
    seen = run_folders(config)
    runs, dropped, remarks = read_runs(seen, inputs, current=current_runs(config))
    ranked = ranked_runs(runs, config=config, levels=levels)
    best = ranked[0] if ranked else None
    measures = read_measures(config)
    with FigureWriter(folder, config=config) as figures:
        figures.add(corpus_figures(inputs))
        scores = score_all({**baselines, **runs}, config=config, levels=levels)
        tables = score_tables(scores, runs, baselines, config=config, levels=levels)
        study_fold = int(inputs.split.loc[inputs.split["part"] == "test", "fold"].iloc[0])
        histories = read_histories([path for path in seen if path.name in runs], fold=study_fold)
        figures.add(score_figures(scores, histories, ranked=ranked, levels=levels))
        figures.add(table_figures(tables, ranked))
        audit = perform_audit(inputs, runs, tables["exceeds"], measures, best=best, config=config)
        figures.add(audit.figures)
        explanation = perform_explanation(inputs, runs, measures, ranked=ranked, config=config)
        figures.add(explanation.figures)
        tables |= audit.tables
        tables["mistakes"] = mistakes_table(
            {name: runs[name] for name in ranked},
            read_transcripts(config),
            measures,
            levels=levels,
        )
    descriptions = BASELINES | {path.name: _description(path) for path in seen if path.name in runs}
    documents = {
        "results": results_document(
            scores,
            inputs.units,
            descriptions,
            config=config,
            baselines=list(baselines),
            levels=levels,
        )
        | {"best_run": best},
        "audit": audit.document,
        "explanation": explanation.document,
    }
    written = [
        *write_tables(folder, tables),
        *write_documents(folder, documents),
        *write_confusion(folder, scores, levels),
        *write_study(
            folder,
            units=inputs.units,
            results=study_results({**baselines, **runs}, tables["results"], inputs, config=config),
            levels=levels,
            options=config.neural_networks,
        ),
        *figures.paths,
    ]
    remove_others(folder, written)
    report = Report(
        stage="evaluation",
        unit="run",
        n_in=len(seen),
        n_out=len(runs),
        dropped=dropped,
        remarks=remarks + audit.remarks,
        figures={
            "baselines": list(baselines),
            "runs": list(runs),
            "best_run": best,
            "n_recordings": int((inputs.units["unit"] == "recording").sum()),
            "n_segments": int((inputs.units["unit"] == "segment").sum()),
            "n_figures": len(figures.paths),
        },
    )
    return finish_stage(config, report, written)


def read_runs(
    folders: Sequence[Path], inputs: Inputs, *, current: Collection[str]
) -> tuple[dict[str, pd.DataFrame], list[dict[str, str]], list[dict[str, str]]]:
    """Read the predictions of every run that can be scored; tell why others cannot.

    Returns
    -------
    tuple
        Predictions by run, what is dropped, and remarks, the last two as in
        :class:`spoken_cefr.stages.Report`.
    """
    runs: dict[str, pd.DataFrame] = {}
    dropped, remarks = [], []
    for folder in folders:
        try:
            if folder.name in BASELINES:
                raise UnusableRun("its name is that of a baseline")
            if folder.name not in current:
                raise UnusableRun("not among the finished runs of the last neural_networks call")
            runs[folder.name] = read_run(folder, inputs.units, levels=inputs.levels)
        except UnusableRun as error:
            dropped.append({"id": folder.name, "reason": str(error)})
            continue
        gaps = missing_units(runs[folder.name], inputs.units)
        remarks += [
            {"id": folder.name, "reason": f"leaves {gap} {unit}s unpredicted"}
            for unit, gap in gaps.items()
        ]
    return runs, dropped, remarks


def score_all(
    tables: Mapping[str, pd.DataFrame], *, config: Config, levels: Sequence[str]
) -> list[Score]:
    """Score each table of predictions on the units that it answers."""
    scores = [
        score(predictions, run=name, unit=unit, config=config, levels=levels)
        for name, predictions in progress(tables.items(), desc="scores", unit="run")
        for unit in UNITS
    ]
    return [one for one in scores if one is not None]


def score_tables(
    scores: Sequence[Score],
    runs: Mapping[str, pd.DataFrame],
    baselines: Mapping[str, pd.DataFrame],
    *,
    config: Config,
    levels: Sequence[str],
) -> dict[str, pd.DataFrame]:
    """The tables that follow from answers and scores alone, by the name of their file."""
    differences = difference_table(runs, baselines, config=config, levels=levels)
    return {
        "results": results_table(scores),
        "per_class": per_class_table(scores),
        "calibration": calibration_table(scores),
        "differences": differences,
        "exceeds": exceeds_table(differences),
        "agreement": agreement_table(runs, config=config, levels=levels),
    }


def study_results(
    tables: Mapping[str, pd.DataFrame], results: pd.DataFrame, inputs: Inputs, *, config: Config
) -> pd.DataFrame:
    """The scores that the study's tables show: of all folds, or of its split's test part.

    The models are the same: the test part is one of the folds.
    """
    if not config.evaluation.study_split:
        return results
    tested = inputs.split.loc[inputs.split["part"] == "test", "recording_id"]
    asked = {name: table[table["recording_id"].isin(tested)] for name, table in tables.items()}
    return results_table(score_all(asked, config=config, levels=inputs.levels))


def read_histories(folders: Sequence[Path], *, fold: int) -> dict[str, pd.DataFrame]:
    """The training histories of the runs that have one (not all learn in epochs), by run.

    Of each run it is the first seed's training in which this fold was left out.
    """
    histories = {}
    for folder in folders:
        path = folder / "history.csv"
        if path.exists():
            text = read_table(path, columns=(*HISTORY_COLUMNS, "seed", "fold"))
            numbers = text.apply(pd.to_numeric, errors="coerce")
            shown = numbers[(numbers["seed"] == 0) & (numbers["fold"] == fold)]
            histories[folder.name] = shown[list(HISTORY_COLUMNS)].reset_index(drop=True)
    return histories


def read_transcripts(config: Config) -> pd.DataFrame:
    """What Whisper heard, by recording_id; no row if processing left no such table."""
    path = stage_folder(config, "processing") / "transcripts.parquet"
    columns = ("recording_id", "text")
    return read_table(path, columns=columns) if path.exists() else pd.DataFrame(columns=columns)


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
    histories: Mapping[str, pd.DataFrame],
    *,
    ranked: Sequence[str],
    levels: Sequence[str],
) -> dict[str, Sketch]:
    """Learning curves, scores of each unit, and confusion matrices, of the runs ranked first."""
    figures: dict[str, Sketch] = {}
    trained = [name for name in ranked if name in histories][:N_SHOWN]
    if trained:
        figures["learning_curves"] = partial(
            draw_learning_curves, {n: histories[n] for n in trained}
        )
    table = results_table(scores)
    table = table[table["run"].isin([*BASELINES, *ranked[:N_ROWS]])]
    for unit in table["unit"].unique():
        figures[f"scores_{unit}"] = partial(draw_scores, table, unit=unit)
    shown = [*SHOWN_BASELINES, *ranked[:N_SHOWN]]
    for one in scores:
        if one.run not in shown:
            continue
        title = f"{one.run}, {one.n:,} {one.unit}s"
        if one.n_seeds > 1:
            title += f", mean of {one.n_seeds} seeds"
        figures[f"confusion_{one.run}_{one.unit}"] = partial(
            draw_confusion, one.matrix, title, levels=levels
        )
    return figures


def table_figures(tables: Mapping[str, pd.DataFrame], ranked: Sequence[str]) -> dict[str, Sketch]:
    """Calibration, levels and agreement, of each unit that some run answers; by name.

    Parameters
    ----------
    ranked : sequence of str
        The runs, best first; figures show the first ``N_SHOWN`` of them.
    """
    figures: dict[str, Sketch] = {}
    results = tables["results"]
    for unit in UNITS:
        answering = set(results["run"][results["unit"] == unit])
        shown = [name for name in ranked if name in answering][:N_SHOWN]
        if not shown:
            continue
        figures[f"calibration_{unit}"] = partial(
            draw_calibration, tables["calibration"], shown, unit=unit
        )
        compared = [*SHOWN_BASELINES[1:], shown[0]]
        figures[f"per_class_{unit}"] = partial(
            draw_per_class, tables["per_class"], compared, unit=unit
        )
        agreement = tables["agreement"]
        agreement = agreement[agreement["run"].isin(shown) & agreement["other"].isin(shown)]
        if (agreement["unit"] == unit).any():
            figures[f"agreement_{unit}"] = partial(draw_agreement, agreement, unit=unit)
    return figures


def _description(folder: Path) -> str:
    config = read_json(folder / "config.json")
    return str(config.get("description", "")) if isinstance(config, dict) else ""
