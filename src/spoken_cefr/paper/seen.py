"""What two figures of the paper show, as tables, so that its sentences come from the same rows."""

from pathlib import Path

import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.reading import read_histories
from spoken_cefr.evaluation.scores.calibration import coarser
from spoken_cefr.neural_networks.split import study_test_fold
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_csv, read_json, write_csv

RELIABILITY = "reliability.csv"
LEARNED = "learned.csv"
SEEN: tuple[str, ...] = (RELIABILITY, LEARNED)


def write_seen(config: Config, folder: Path) -> list[str]:
    """Write those of ``SEEN`` that evaluation and training left something for, and name them."""
    tables = {RELIABILITY: reliability(config), LEARNED: learned(config)}
    told = {name: table for name, table in tables.items() if len(table)}
    for name, table in told.items():
        write_csv(folder / name, table)
    return list(told)


def reliability(config: Config) -> pd.DataFrame:
    """The bins on recordings that the reliability diagrams draw: rows as ``calibration.csv``."""
    path = stage_folder(config, "evaluation") / "calibration.csv"
    if not path.exists():
        return pd.DataFrame()
    bins = pd.read_csv(path)
    bins = bins[bins["unit"] == "recording"]
    return coarser(bins, confidence=config.evaluation.confidence)


def learned(config: Config) -> pd.DataFrame:
    """One row for each run that learns in epochs, of the training that the histories show.

    run, n_epochs (trained), kept_epoch (whose weights were kept), lowest_loss and last_loss
    (of the validation part, in nats; heads do not compare), train_accuracy and
    validation_accuracy (in the last epoch).
    """
    runs = read_json(stage_folder(config, "evaluation") / "results.json")["runs"]
    folder = stage_folder(config, "neural_networks")
    if not any((folder / run / "history.csv").exists() for run in runs):
        return pd.DataFrame()
    fold = study_test_fold(read_csv(folder / "split.csv"))
    histories = read_histories(config, sorted(runs), fold=fold)
    return pd.DataFrame([_row(run, history) for run, history in histories.items() if len(history)])


def _row(run: str, history: pd.DataFrame) -> dict[str, object]:
    last = history.iloc[-1]
    best = history["validation_macro_f1"].to_numpy().argmax()
    return {
        "run": run,
        "n_epochs": len(history),
        "kept_epoch": int(history["epoch"].iloc[best]),
        "lowest_loss": history["validation_loss"].min(),
        "last_loss": last["validation_loss"],
        "train_accuracy": last["train_accuracy"],
        "validation_accuracy": last["validation_accuracy"],
    }
