"""Progress bars that read the same in a terminal and in a notebook."""

import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TextIO

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
    smoothing: float = 0.3,
) -> tqdm:
    """Wrap an iterable in a text bar on the error stream.

    Text rather than a widget: `spoken-cefr run` shows a notebook's error
    stream as it comes, and the stripped notebooks in git hold none of it. ``smoothing`` is how
    much the latest steps count for the time that is left; 0: all alike.
    """
    return tqdm(
        iterable,
        desc=desc,
        unit=unit,
        total=total,
        disable=disable or _QUIET.get(),
        smoothing=smoothing,
        file=sys.stderr,
        ncols=88,
        mininterval=0.5,
    )


class AudioBar:
    """A bar over seconds of audio, told from any thread how far each recording is done.

    Recordings differ in length (s, by name) and some are done at once, so their number says
    little of the time that is left. The bar counts whole seconds, at least one a recording.
    """

    def __init__(self, lengths_s: Mapping[str, float], *, desc: str) -> None:
        self._left = {name: max(1, round(length)) for name, length in lengths_s.items()}
        self._lengths = dict(self._left)
        self._lock = threading.Lock()
        # Steps come in bursts, as several recordings are decoded together: hence no smoothing.
        total = sum(self._left.values())
        self._bar = progress(desc=desc, unit=" s of audio", total=total, smoothing=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self._bar.close()

    def reach(self, name: str, time_s: float | None = None) -> None:
        """A recording is done up to this time, or (None) to its end; going back tells nothing."""
        with self._lock:
            left = 0 if time_s is None else max(0, self._lengths[name] - int(time_s))
            step = self._left[name] - left
            if step > 0:
                self._left[name] = left
                self._bar.update(step)


def reach_nothing(name: str, time_s: float | None = None) -> None:
    """`AudioBar.reach` where there is no bar."""
