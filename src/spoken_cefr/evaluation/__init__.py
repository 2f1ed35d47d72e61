"""Evaluation: what the networks' answers are worth, beside answers that hear nothing."""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    # On demand: who prints finished results must not wait for what makes them (torch among it).
    if name == "run":
        return importlib.import_module("spoken_cefr.evaluation.stage").run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
