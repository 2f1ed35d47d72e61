"""Progress bars that read the same in a terminal and in a notebook."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def tell(text: str) -> None:
    """Say something between the bars, on the same stream."""
    tqdm.write(text, file=sys.stderr)


def progress(
    iterable: Iterable[Any] | None = None,
    *,
    desc: str,
    unit: str,
    total: int | None = None,
    disable: bool = False,
) -> tqdm:
    """Wrap an iterable in a text bar on the error stream.

    Text rather than a widget: `spoken-cefr run` shows a notebook's error
    stream as it comes, and the stripped notebooks in git hold none of it.
    """
    return tqdm(
        iterable,
        desc=desc,
        unit=unit,
        total=total,
        disable=disable,
        file=sys.stderr,
        ncols=88,
        mininterval=0.5,
    )
