"""Importing torchaudio on a machine without CUDA.

The wheel on PyPI links CUDA libraries: beside a CPU-only torch,
``import torchaudio`` raises OSError. Its Python part (models, pipelines,
transforms, resampling) needs none of them.
"""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def import_torchaudio() -> ModuleType:
    """Import torchaudio; where its compiled library cannot be loaded, without that.

    ``torchaudio.functional.forced_align`` then raises RuntimeError when called; everything
    written in Python works.
    """
    try:
        return importlib.import_module("torchaudio")
    except OSError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]  # half imported
        # Stands in for the module that loads the compiled library.
        extension = ModuleType("torchaudio._extension")
        extension._IS_TORCHAUDIO_EXT_AVAILABLE = False
        extension._IS_ALIGN_AVAILABLE = False
        extension.fail_if_no_align = _failing
        sys.modules["torchaudio._extension"] = extension
        return importlib.import_module("torchaudio")


def _failing(function: Callable[..., Any]) -> Callable[..., Any]:
    def fail(*_args: Any, **_options: Any) -> None:
        raise RuntimeError(f"{function.__name__} needs torchaudio's compiled library (CUDA build)")

    return fail
