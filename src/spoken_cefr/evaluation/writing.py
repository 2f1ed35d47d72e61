"""What the stage writes: one CSV a table, the confusion matrices, one PNG a figure."""

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Self

import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.scores.results import Score, confusion_table
from spoken_cefr.figures.style import Drawing, Sketch, save_figure
from spoken_cefr.store import write_csv, write_json


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


class FigureWriter:
    """Draw figures in a second process while tables go on being computed.

    Used as a context, at the end of which every figure is in its file or the error
    that its drawing raised is raised here. With ``n_jobs`` of 1 nothing runs beside.
    """

    def __init__(self, folder: Path, *, config: Config) -> None:
        self.paths: list[Path] = []
        self._folder, self._notice = folder / "figures", config.notice
        # A fresh interpreter: a fork of one with running threads may hang.
        context = multiprocessing.get_context("spawn")
        beside = config.n_jobs > 1
        self._process = ProcessPoolExecutor(1, mp_context=context) if beside else None
        self._begun: list[tuple[Future, Sketch, Path]] = []

    def add(self, figures: Mapping[str, Sketch]) -> None:
        """Have each figure written to ``figures/`` with the profile's notice."""
        for name, sketch in figures.items():
            path = self._folder / f"{name}.png"
            self.paths.append(path)
            if self._process is None or isinstance(sketch, Drawing):
                save_figure(sketch, path, notice=self._notice)
            else:
                self._begun.append((self._submit(sketch, path), sketch, path))

    def _submit(self, sketch: Sketch, path: Path) -> Future:
        try:
            return self._process.submit(save_figure, sketch, path, notice=self._notice)
        except BrokenExecutor as error:
            broken: Future = Future()
            broken.set_exception(error)
            return broken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._process is None:
            return
        try:
            if kind is None:
                self._finish()
        finally:
            self._process.shutdown(cancel_futures=True)

    def _finish(self) -> None:
        """Draw what the other process has not begun, from the end; then wait for the rest."""
        for future, sketch, path in reversed(self._begun):
            if future.cancel():
                save_figure(sketch, path, notice=self._notice)
        for future, sketch, path in self._begun:
            try:
                if not future.cancelled():
                    future.result()
            except BrokenExecutor:  # killed, or it could not start
                save_figure(sketch, path, notice=self._notice)


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
