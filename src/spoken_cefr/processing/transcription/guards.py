"""Guards against invented text and against silence about what was not heard.

Whisper writes a sentence where nobody speaks, and repeats itself where it is
lost; its engines leave windows out without a word.
"""

from collections import Counter
from typing import Any

from spoken_cefr.processing.transcription.words import Word

COMPRESSION_THRESHOLD = 2.4  # text that zips better than this repeats itself; OpenAI's default
UNHEARD_S = 3.0  # so much detected speech without a word is told of


def unheard(speech_s: list[tuple[float, float]], words: list[Word]) -> list[tuple[float, float]]:
    """Stretches of speech (s) of `UNHEARD_S` or more that hold no word; the words are in order.

    The engines leave out windows that their guards distrust, and say nothing.
    """
    free = []
    for start_s, end_s in speech_s:
        inside = [word for word in words if word.end_s > start_s and word.start_s < end_s]
        starts_s = [start_s, *(word.end_s for word in inside)]
        ends_s = [*(word.start_s for word in inside), end_s]
        free += [pair for pair in zip(starts_s, ends_s, strict=True)]
    return [(start_s, end_s) for start_s, end_s in free if end_s - start_s >= UNHEARD_S]


def without_repetition(parts: list[Any]) -> tuple[list[Any], list[str]]:
    """Leave out decoded windows whose text repeats itself (`COMPRESSION_THRESHOLD`)."""
    kept = [part for part in parts if part.compression_ratio <= COMPRESSION_THRESHOLD]
    if len(kept) == len(parts):
        return kept, []
    left_out = Counter(part.seek for part in parts)
    left_out.subtract(part.seek for part in kept)
    n = sum(1 for count in left_out.values() if count)
    return kept, [f"the text of {n} window(s) repeated itself and was left out"]
