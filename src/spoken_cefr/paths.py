"""Where things are, found from this file, so that no caller counts ``../``."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
NOTEBOOKS = ROOT / "notebooks"


def under_root(path: str | Path) -> Path:
    """Make a relative path absolute from the repository's root."""
    path = Path(path)
    return path if path.is_absolute() else ROOT / path


def offering(room: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a room's ``__init__``: the names that each module (dotted) offers.

    They are imported when they are asked for: a notebook needs one import a room, and who prints
    finished results does not wait for torch.
    """
    of_name = {name: module for module, names in homes.items() for name in names}

    def find(name: str) -> Any:
        if name not in of_name:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(importlib.import_module(of_name[name]), name)

    return find


def package_place() -> str:
    """Where this package is: from the repository's root, or in full if it is another's."""
    place = Path(__file__).resolve().parent
    told = place.relative_to(ROOT) if place.is_relative_to(ROOT) else place
    return f"spoken_cefr from {told}"
