"""What the stage writes: one CSV a table, the confusion matrices, one PNG a figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.drawing import Drawing, save_figure
from spoken_cefr.evaluation.results import Score, confusion_table
from spoken_cefr.files import write_csv, write_json


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write each table as ``<name>.csv``; return the paths."""
    paths = []
    for name, table in tables.items():
        paths.append(folder / f"{name}.csv")
        write_csv(paths[-1], table)
    return paths


def write_documents(folder: Path, documents: Mapping[str, object]) -> list[Path]:
    """Write each document as ``<name>.json``; return the paths."""
    paths = []
    for name, document in documents.items():
        paths.append(folder / f"{name}.json")
        write_json(paths[-1], document)
    return paths


def write_confusion(folder: Path, scores: Sequence[Score], levels: Sequence[str]) -> list[Path]:
    """Write a confusion matrix per run and unit to ``confusion/``; return the paths."""
    tables = {
        f"confusion/{one.run}_{one.unit}": confusion_table(one.matrix, levels=levels).reset_index()
        for one in scores
    }
    return write_tables(folder, tables)


def write_figures(folder: Path, figures: Mapping[str, Drawing], *, config: Config) -> list[Path]:
    """Write each figure to ``figures/`` with the profile's notice; return the paths."""
    paths = []
    for name, figure in figures.items():
        paths.append(folder / "figures" / f"{name}.png")
        save_figure(figure, paths[-1], notice=config.notice)
    return paths


def remove_others(folder: Path, written: Sequence[Path]) -> None:
    """Delete tables, documents and figures that this call did not write."""
    kept = {"report.json", "config.json"}
    for path in [
        *folder.glob("*.csv"),
        *folder.glob("*.json"),
        *folder.glob("confusion/*.csv"),
        *folder.glob("figures/*.png"),
    ]:
        if path not in written and path.name not in kept:
            path.unlink()
