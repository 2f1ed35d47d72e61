"""What a room offers under its own name, imported only when it is asked for.

A notebook then needs one import a room, and who prints finished results does not wait for torch.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def offering(room: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a room's ``__init__``: the names that each module (dotted) offers."""
    of_name = {name: module for module, names in homes.items() for name in names}

    def find(name: str) -> Any:
        if name not in of_name:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(importlib.import_module(of_name[name]), name)

    return find
