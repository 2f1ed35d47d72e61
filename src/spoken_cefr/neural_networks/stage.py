"""The stage: split the recordings, make the inputs, train and predict every run."""

import functools
import importlib
from collections.abc import Sequence

import pandas as pd
import torch

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.files import digest, sha256_of, write_csv
from spoken_cefr.levels import label_set
from spoken_cefr.metadata import read_metadata
from spoken_cefr.neural_networks import distributed
from spoken_cefr.neural_networks.corpus import check_classes, left_out, read_corpus
from spoken_cefr.neural_networks.crop_measures import crop_measures
from spoken_cefr.neural_networks.experiments import Run, is_finished, run_key, select_runs
from spoken_cefr.neural_networks.failures import RUN_ERRORS, reason_of
from spoken_cefr.neural_networks.inputs import Source, input_keys, run_source
from spoken_cefr.neural_networks.measures import measures_table
from spoken_cefr.neural_networks.performing import perform_run
from spoken_cefr.neural_networks.split import (
    PARTS,
    class_remarks,
    recordings_to_split,
    relabel,
    speaker_split,
)
from spoken_cefr.progress import tell
from spoken_cefr.stages import (
    Report,
    begin_stage,
    finish_stage,
    is_done,
    read_report,
    stage_folder,
    written_by,
)


def run(config: Config) -> Report:
    """Do the whole stage, or nothing if its folder is up to date.

    Finished runs are kept; a run that fails is told of in the report and does
    not stop the others.

    Raises
    ------
    InputError
        If processing has left nothing to read, or no run at all succeeds.
    """
    if distributed.as_main_says(is_done(config, "neural_networks")):
        return read_report(config, "neural_networks")
    runs = select_runs(config.neural_networks.runs)
    torch.set_num_threads(max(1, config.n_jobs // distributed.n_ranks()))
    segments = read_segments(config)
    split = split_recordings(config, segments)
    segments = relabel(segments, split)
    check_classes(split)
    folder = stage_folder(config, "neural_networks")
    with distributed.main_first():
        if distributed.rank() == 0:
            begin_stage(config, "neural_networks")
            write_csv(folder / "split.csv", split)
    failures, remarks = perform_runs(runs, config, segments, split)
    if len(failures) == len(runs):
        raise InputError(f"no run succeeded; the first: {failures[0]['reason']}")
    finished = [entry.name for entry in runs if entry.name not in {f["id"] for f in failures}]
    if distributed.rank() == 0:
        # Here, not at the top: what predicts imports this stage's modules.
        building = importlib.import_module("spoken_cefr.prediction.building")
        remarks += building.bundle_remarks(config)
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
            "n_recordings_by_part": {p: int((split["part"] == p).sum()) for p in PARTS},
            "runs": finished,
        },
    )
    outputs = [folder / "split.csv", *(folder / n / "predictions.parquet" for n in finished)]
    return finish_stage(config, report, outputs) if distributed.rank() == 0 else report


def perform_runs(
    runs: Sequence[Run], config: Config, segments: pd.DataFrame, split: pd.DataFrame
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Perform every run that is not finished; one that fails does not stop the others.

    Returns
    -------
    tuple
        Failures and remarks, as in a `spoken_cefr.stages.Report`.
    """
    folder = stage_folder(config, "neural_networks")
    sources = [stage_folder(config, "processing") / "report.json", folder / "split.csv"]
    hashes = [sha256_of(path) for path in sources]
    failures, remarks = [], []
    for entry in runs:
        try:
            key = run_key(
                entry, config, input_digest=digest([hashes, input_keys(entry.inputs, config)])
            )
            if distributed.as_main_says(is_finished(folder / entry.name, key)):
                if distributed.rank() == 0:
                    tell(f"{entry.name}: up to date, kept")
                remarks += left_out(read_corpus(entry, config, segments, split), entry)
                continue
            remarks += perform_run(
                entry,
                config,
                segments=segments,
                split=split,
                load_source=functools.partial(load_source, config, segments),
                load_measures=functools.partial(load_measures, config),
                folder=folder / entry.name,
                key=key,
            )
        except RUN_ERRORS as error:
            failures.append({"id": entry.name, "reason": reason_of(error)})
    return failures, remarks


def read_segments(config: Config) -> pd.DataFrame:
    """Read processing's table of segments.

    Raises
    ------
    InputError
        If it is missing or empty.
    """
    path = stage_folder(config, "processing") / "segments.parquet"
    segments = pd.read_parquet(written_by(path, "processing"))
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


def load_source(config: Config, segments: pd.DataFrame, entry: Run, noisy: bool) -> Source:
    """The rows of a run; under torchrun one process makes them, the others wait and read."""
    with distributed.main_first():  # which leaves files that the others read
        return run_source(entry, config, segments, noisy=noisy)


def load_measures(config: Config, entry: Run, recordings: pd.DataFrame) -> pd.DataFrame:
    """The measures of recordings, or of the crops that ``recordings`` describes."""
    with distributed.main_first():
        return crop_measures(config, recordings) if entry.crop_s else measures_table(config)
