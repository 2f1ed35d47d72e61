"""The stage: split the recordings, make the inputs, train and predict every run."""

from collections.abc import Sequence

import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import label_set
from spoken_cefr.corpus.metadata import read_metadata
from spoken_cefr.errors import InputError
from spoken_cefr.measures.available import lacking_told
from spoken_cefr.measures.crops import crop_measures
from spoken_cefr.measures.table import measures_table
from spoken_cefr.neural_networks.bundle import bundle_remarks, model_facts
from spoken_cefr.neural_networks.inputs import run_source
from spoken_cefr.neural_networks.out_of_fold import (
    RUN_ERRORS,
    SEGMENT_COLUMNS,
    Heard,
    Training,
    fold_trainings,
    reason_of,
    train_all,
    write_run,
)
from spoken_cefr.neural_networks.recordings import check_classes, left_out, read_corpus
from spoken_cefr.neural_networks.runs import Run, select_runs
from spoken_cefr.neural_networks.split import (
    class_remarks,
    recordings_to_split,
    relabel,
    speaker_split,
    study_test_fold,
)
from spoken_cefr.stages import (
    Report,
    begin_stage,
    finish_stage,
    is_done,
    output_hashes,
    read_report,
    stage_folder,
    written_by,
)
from spoken_cefr.store import read_parquet, write_csv


def run(config: Config) -> Report:
    """Do the whole stage, or nothing if its folder is up to date.

    Finished trainings are kept; a run that fails is told of in the report and does
    not stop the others.

    Raises
    ------
    InputError
        If processing has left nothing to read, or no run at all succeeds.
    """
    if is_done(config, "neural_networks"):
        return read_report(config, "neural_networks")
    runs = select_runs(config.neural_networks.runs)
    segments = read_segments(config)
    split = split_recordings(config, segments)
    segments = relabel(segments, split)
    check_classes(split)
    folder = stage_folder(config, "neural_networks")
    begin_stage(config, "neural_networks")
    write_csv(folder / "split.csv", split)
    failures, remarks = perform_runs(runs, config, segments, split)
    if len(failures) == len(runs):
        raise InputError(f"no run succeeded; the first: {failures[0]['reason']}")
    finished = [entry.name for entry in runs if entry.name not in {f["id"] for f in failures}]
    if any(of.inputs in ("measures", "fusion") for of in runs) and (
        told := lacking_told(config.scraping.language)
    ):
        remarks.append({"id": "measures", "reason": told})
    remarks += bundle_remarks(config, finished, split)
    report = Report(
        stage="neural_networks",
        unit="run",
        n_in=len(runs),
        n_out=len(finished),
        dropped=failures,
        remarks=class_remarks(split, label_set(config.neural_networks.rare_levels)) + remarks,
        figures={
            "n_recordings": len(split),
            "n_segments": len(segments),
            "n_speakers": int(split["speaker_id"].nunique()),
            "n_folds": int(split["fold"].nunique()),
            "n_seeds": config.neural_networks.n_seeds,
            "runs": finished,
        },
    )
    outputs = [folder / "split.csv", *(folder / n / "predictions.parquet" for n in finished)]
    return finish_stage(config, report, outputs)


def perform_runs(
    runs: Sequence[Run], config: Config, segments: pd.DataFrame, split: pd.DataFrame
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Train every run in every fold, as far as it is not finished; one that fails stops no other.

    Gives failures and remarks, as in a `spoken_cefr.stages.Report`.
    """
    folder = stage_folder(config, "neural_networks")
    told = [output_hashes(config, "processing")]
    failures: dict[str, str] = {}
    trainings: dict[str, list[Training]] = {}
    for entry in runs:
        try:
            trainings[entry.name] = fold_trainings(
                entry,
                config,
                split,
                folder=folder / entry.name,
                n_seeds=config.neural_networks.n_seeds,
                told=told,
            )
        except RUN_ERRORS as error:  # what its inputs depend on is missing
            failures[entry.name] = reason_of(error)
    of_name = {entry.name: entry for entry in runs}
    made: dict[tuple[object, ...], Heard] = {}  # runs that hear the same share it

    def heard(name: str) -> Heard:
        entry = of_name[name]
        if entry.hears not in made:
            made[entry.hears] = heard_by(entry, config, segments, split)
        return made[entry.hears]

    failures |= train_all(trainings, heard, config, desc="trainings")
    remarks = []
    facts, test_fold = model_facts(config, split), study_test_fold(split)
    for name, group in trainings.items():
        if name not in failures:
            write_run(folder / name, group, test_fold=test_fold, facts=facts)
            corpus = read_corpus(of_name[name], config, segments, split, group[0].classes)
            remarks += left_out(corpus, of_name[name])
    return [{"id": e.name, "reason": failures[e.name]} for e in runs if e.name in failures], remarks


def heard_by(run: Run, config: Config, segments: pd.DataFrame, split: pd.DataFrame) -> Heard:
    """Make what the trainings of a run hear and read, or take it from where it is kept."""
    measures = None
    if run.inputs in ("measures", "fusion"):
        measures = measures_table(config)
        if run.crop_s:
            classes = label_set(config.neural_networks.rare_levels)
            corpus = read_corpus(run, config, segments, split, classes)
            measures = crop_measures(config, corpus.windows())
    if run.inputs == "measures":
        return Heard(segments[SEGMENT_COLUMNS], measures=measures)
    clean = run_source(run, config, segments)
    noisy = run_source(run, config, segments, noisy=True) if run.noisy_training else None
    return Heard(segments[SEGMENT_COLUMNS], clean, noisy, measures)


def read_segments(config: Config) -> pd.DataFrame:
    """Read processing's table of segments; InputError if it is missing or empty."""
    path = stage_folder(config, "processing") / "segments.parquet"
    segments = read_parquet(written_by(path, "processing"))
    if segments.empty:
        raise InputError(f"{path} holds no segment: look at processing/report.json for the reasons")
    return segments


def split_recordings(config: Config, segments: pd.DataFrame) -> pd.DataFrame:
    """Split the recordings of the segments by speaker, as ``split.csv`` will hold it."""
    c = config.neural_networks
    metadata = read_metadata(stage_folder(config, "scraping") / "metadata.csv")
    recordings = recordings_to_split(
        segments, metadata, speaker_groups=c.speaker_groups, rare_levels=c.rare_levels
    )
    return speaker_split(recordings, n_folds=c.n_folds, seed=config.seed)
