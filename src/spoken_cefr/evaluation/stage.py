"""The stage: score every run beside the baselines, write the tables and the figures."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.baselines import BASELINES, duration_only, majority
from spoken_cefr.evaluation.drawing import Drawing, save_figure
from spoken_cefr.evaluation.figures import (
    draw_age,
    draw_classes,
    draw_confusion,
    draw_data_balancing,
    draw_learning_curves,
    draw_scores,
)
from spoken_cefr.evaluation.results import (
    Score,
    confusion_table,
    difference_rows,
    results_document,
    results_table,
    score,
)
from spoken_cefr.evaluation.tables import (
    UNITS,
    Inputs,
    UnusableRun,
    current_runs,
    missing_units,
    read_inputs,
    read_run,
    read_table,
    run_folders,
)
from spoken_cefr.files import read_json, write_csv, write_json
from spoken_cefr.progress import progress
from spoken_cefr.stages import Report, begin_stage, finish_stage, is_done, read_report, stage_folder

HISTORY_COLUMNS: tuple[str, ...] = (
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_macro_f1",
)


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
    baselines = {
        "majority": majority(inputs.units),
        "duration_only": duration_only(inputs.units, inputs.metadata),
    }
    seen = run_folders(config)
    runs, dropped, remarks = read_runs(seen, inputs, current=current_runs(config))
    scores, differences = score_all(baselines, runs, config=config)
    histories = read_histories([path for path in seen if path.name in runs])
    folder = stage_folder(config, "evaluation")
    written = write_tables(folder, scores, differences, inputs=inputs, seen=seen, config=config)
    written += write_figures(folder, scores, inputs, histories, config=config)
    _remove_others(folder, written)
    report = Report(
        stage="evaluation",
        unit="run",
        n_in=len(seen),
        n_out=len(runs),
        dropped=dropped,
        remarks=remarks,
        figures={
            "baselines": list(baselines),
            "runs": list(runs),
            "n_test_recordings": _n_test(inputs.units, "recording"),
            "n_test_segments": _n_test(inputs.units, "segment"),
            "n_figures": sum(path.suffix == ".png" for path in written),
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
            runs[folder.name] = read_run(folder, inputs.units)
        except UnusableRun as error:
            dropped.append({"id": folder.name, "reason": str(error)})
            continue
        gaps = missing_units(runs[folder.name], inputs.units)
        remarks += [
            {"id": folder.name, "reason": f"leaves {gap} {unit}s of the test part unpredicted"}
            for unit, gap in gaps.items()
        ]
    return runs, dropped, remarks


def score_all(
    baselines: Mapping[str, pd.DataFrame], runs: Mapping[str, pd.DataFrame], *, config: Config
) -> tuple[list[Score], pd.DataFrame]:
    """Score baselines, then runs, and compare each run with each baseline."""
    scores: list[Score] = []
    differences: list[dict[str, object]] = []
    everything = {**baselines, **runs}
    for name, predictions in progress(everything.items(), desc="evaluation", unit="run"):
        of_units = [score(predictions, run=name, unit=unit, config=config) for unit in UNITS]
        scores += [one for one in of_units if one is not None]
        if name in runs:
            differences += difference_rows(name, predictions, baselines, config=config)
    columns = [
        *("run", "baseline", "unit", "metric", "n", "n_speakers"),
        *("difference", "low", "high", "exceeds"),
    ]
    return scores, pd.DataFrame(differences, columns=columns)


def read_histories(
    folders: Sequence[Path],
) -> dict[str, pd.DataFrame]:
    """The training histories of the runs that have one (not all learn in epochs), by run."""
    histories = {}
    for folder in folders:
        path = folder / "history.csv"
        if path.exists():
            text = read_table(path, columns=HISTORY_COLUMNS)
            histories[folder.name] = text[list(HISTORY_COLUMNS)].apply(
                pd.to_numeric, errors="coerce"
            )
    return histories


def write_tables(
    folder: Path,
    scores: Sequence[Score],
    differences: pd.DataFrame,
    *,
    inputs: Inputs,
    seen: Sequence[Path],
    config: Config,
) -> list[Path]:
    """Write the results, the differences and a confusion matrix per run and unit."""
    scored = {one.run for one in scores}
    descriptions = BASELINES | {
        path.name: _description(path) for path in seen if path.name in scored - set(BASELINES)
    }
    document = results_document(scores, inputs.units, descriptions, config=config)
    paths = [folder / name for name in ("results.csv", "results.json", "differences.csv")]
    write_csv(paths[0], results_table(scores))
    write_json(paths[1], document)
    write_csv(paths[2], differences)
    for one in scores:
        path = folder / "confusion" / f"{one.run}_{one.unit}.csv"
        write_csv(path, confusion_table(one.matrix).reset_index())
        paths.append(path)
    return paths


def write_figures(
    folder: Path,
    scores: Sequence[Score],
    inputs: Inputs,
    histories: Mapping[str, pd.DataFrame],
    *,
    config: Config,
) -> list[Path]:
    """Draw and write every figure, each with the profile's notice."""
    recordings = inputs.metadata["recording_id"].isin(inputs.split["recording_id"])
    segments = inputs.units[inputs.units["unit"] == "segment"]
    figures: dict[str, Drawing] = {
        "classes": draw_classes(segments),
        "age": draw_age(inputs.metadata[recordings]),
        "data_balancing": draw_data_balancing(inputs.split, segments),
    }
    if histories:
        figures["learning_curves"] = draw_learning_curves(histories)
    table = results_table(scores)
    for unit in table["unit"].unique():
        figures[f"scores_{unit}"] = draw_scores(table, unit=unit)
    for one in scores:
        title = f"{one.run}, {one.n:,} test {one.unit}s"
        figures[f"confusion_{one.run}_{one.unit}"] = draw_confusion(one.matrix, title)
    paths = []
    for name, figure in figures.items():
        paths.append(folder / "figures" / f"{name}.png")
        save_figure(figure, paths[-1], notice=config.notice)
    return paths


def _description(folder: Path) -> str:
    config = read_json(folder / "config.json")
    return str(config.get("description", "")) if isinstance(config, dict) else ""


def _n_test(units: pd.DataFrame, unit: str) -> int:
    return int(((units["unit"] == unit) & (units["part"] == "test")).sum())


def _remove_others(folder: Path, written: Sequence[Path]) -> None:
    """Delete tables and figures of runs that are no longer there."""
    for path in [*folder.glob("confusion/*.csv"), *folder.glob("figures/*.png")]:
        if path not in written:
            path.unlink()
