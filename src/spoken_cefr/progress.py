"""Progress bars that read the same in a terminal and in a notebook."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

from tqdm import tqdm

_QUIET = ContextVar("quiet", default=False)


@contextmanager
def without_bars() -> Iterator[None]:
    """No bar inside: within another bar, each would leave lines in a notebook."""
    token = _QUIET.set(True)
    try:
        yield
    finally:
        _QUIET.reset(token)


def tell(text: str, *, file: TextIO | None = None) -> None:
    """Say something between the bars, on the same stream or another one."""
    tqdm.write(text, file=file or sys.stderr)


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
        disable=disable or _QUIET.get(),
        file=sys.stderr,
        ncols=88,
        mininterval=0.5,
    )
