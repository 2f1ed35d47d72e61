"""How far an engine is in a recording, told while it listens.

Whisper takes 30 s at once: encodes them, decodes them (with those of other
recordings) and aligns the words. Encoding is 41 to 47 % of that time on one
core, so half of a window counts as heard by then. Told at its end only, the
first windows of all recordings of a batch would be told at once, and late.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

WINDOW_S = 30.0
Told = Callable[[int, float], None]  # index of a signal, and the time (s) up to which it is heard


def tell_nobody(index: int, time_s: float) -> None:
    """For who does not want to know how far an engine is."""


class Hearing:
    """Tells how far one recording of this length is heard."""

    def __init__(self, duration_s: float, heard: Callable[[float], None]) -> None:
        self._duration_s = duration_s
        self._heard = heard
        self._reached_s = 0.0

    def after(self, encode: Callable[..., Any]) -> Callable[..., Any]:
        """The encoder, telling half a window."""

        def encode_and_tell(*args: Any, **options: Any) -> Any:
            encoded = encode(*args, **options)
            end_s = min(self._reached_s + WINDOW_S, self._duration_s)
            self._heard((self._reached_s + end_s) / 2)
            return encoded

        return encode_and_tell

    def through(self, parts: Iterable[Any]) -> Iterator[Any]:
        """faster-whisper's segments as they come, a window at a time."""
        for part in parts:
            self._reached_s = part.end
            self._heard(part.end)
            yield part
